/** Whether a text holds a private key: as a PEM file, as a JWK, or as the bare base64 of either PEM kind. */
export function holdsPrivateKey(text: string): boolean {
  return PEM.test(text) || JWK.test(text) || isPrivateDer(text);
}

const PEM = /-----\s*BEGIN[A-Z0-9 ]*PRIVATE KEY/i;
const JWK = /"d"\s*:\s*"[\w-]{40,}"/;

/** PKCS#1 and PKCS#8 private keys begin alike: a sequence whose first member is a version number. Public ones do not. */
function isPrivateDer(text: string): boolean {
  const bare = text.replace(/\s+/g, '').slice(0, 16);
  if (!/^MI[A-Za-z0-9+/]{14}$/.test(bare)) return false;
  const bytes = [...atob(bare)].map((character) => character.charCodeAt(0));
  // 0x30 0x82 and two bytes of length; shorter sequences are too short for an RSA key.
  return bytes[0] === 0x30 && bytes[1] === 0x82 && bytes[4] === 0x02 && bytes[5] === 0x01;
}
