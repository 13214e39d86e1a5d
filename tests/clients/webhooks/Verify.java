import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A partner's receiver of webhooks for Java 11 or newer, with nothing to install: is this one from the service, and is it
 * new? Prints "valid" (exit status 0), "valid: seen before" (0: answer 200 and do nothing), or "invalid: " and why (1).
 *
 * <pre>
 * WEBHOOK_SECRET=whsec_... WEBHOOK_ID=... WEBHOOK_TIMESTAMP=... WEBHOOK_SIGNATURE=v1,... \
 * [SEEN=ids.txt] [NOW=1795441036] java Verify.java &lt; body
 * WEBHOOK_SECRET   while it is rotated, both secrets with a space between them; a whpk_ public key verifies v1a, for
 *                  which Java 15 is needed
 * SEEN             a file with the ids of webhooks that were taken before
 * NOW              the time in unix seconds, for tests
 * </pre>
 */
public class Verify {
    static final long TOLERANCE = 300;
    /** What comes before the 32 bytes of an Ed25519 key in X.509. */
    static final byte[] ED25519 = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

    public static void main(String[] args) throws Exception {
        String[] keys = variable("WEBHOOK_SECRET").trim().split(" +");
        for (String key : keys) {
            if (!key.startsWith("whsec_") && !key.startsWith("whpk_")) {
                System.err.println("WEBHOOK_SECRET is not one or more whsec_ secrets or whpk_ public keys");
                System.exit(2);
            }
        }
        long now = variable("NOW").isEmpty() ? Instant.now().getEpochSecond() : Long.parseLong(variable("NOW"));
        String id = variable("WEBHOOK_ID");
        // The bytes as they came in: parsed and written again, the same JSON has another signature.
        byte[] body = System.in.readAllBytes();
        String why = fault(keys, id, variable("WEBHOOK_TIMESTAMP"), variable("WEBHOOK_SIGNATURE"), body, now);
        if (why != null) {
            System.out.println("invalid: " + why);
            System.exit(1);
        }
        System.out.println(seenBefore(id) ? "valid: seen before" : "valid");
    }

    /** Why the webhook is refused; null if it is not. */
    static String fault(String[] keys, String id, String timestamp, String header, byte[] body, long now)
            throws Exception {
        if (id.isEmpty() || timestamp.isEmpty() || header.isEmpty()) {
            return "a header is missing";
        }
        // 1. The time, or whoever has a copy could send it for ever.
        if (!timestamp.matches("[0-9]{1,11}")) {
            return "webhook-timestamp is not in unix seconds";
        }
        long age = now - Long.parseLong(timestamp);
        if (age > TOLERANCE) {
            return "webhook-timestamp is too old";
        }
        if (age < -TOLERANCE) {
            return "webhook-timestamp is in the future";
        }
        // 2. The signatures: one by one of these keys is enough.
        byte[] signed = join((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8), body);
        for (String one : header.split(" ")) {
            String[] parts = one.split(",", 2);
            for (String key : keys) {
                if (parts.length == 2 && isOf(key, parts[0], parts[1], signed)) {
                    return null;
                }
            }
        }
        return "no signature matches";
    }

    /** Whether this key made the signature. One of another version is for another kind of key. */
    static boolean isOf(String key, String version, String encoded, byte[] signed) throws Exception {
        if (version.equals("v1") && key.startsWith("whsec_")) {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(decode(key.substring("whsec_".length())), "HmacSHA256"));
            // Not Arrays.equals, whose duration tells how much of a guess is right.
            return MessageDigest.isEqual(mac.doFinal(signed), decode(encoded));
        }
        if (version.equals("v1a") && key.startsWith("whpk_")) {
            byte[] x509 = join(ED25519, decode(key.substring("whpk_".length())));
            Signature verifier = Signature.getInstance("Ed25519");
            verifier.initVerify(KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(x509)));
            verifier.update(signed);
            try {
                return verifier.verify(decode(encoded));
            } catch (SignatureException e) { // not as long as a signature is
                return false;
            }
        }
        return false;
    }

    /** Remembers the id. A service keeps ids in its database under a unique index, with what the webhook made it do. */
    static boolean seenBefore(String id) throws Exception {
        if (variable("SEEN").isEmpty()) {
            return false;
        }
        Path seen = Path.of(variable("SEEN"));
        if (Files.exists(seen) && Files.readAllLines(seen).contains(id)) {
            return true;
        }
        Files.writeString(seen, id + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        return false;
    }

    /** The bytes of a base64 text; none if it is not one. */
    static byte[] decode(String text) {
        try {
            return Base64.getDecoder().decode(text);
        } catch (IllegalArgumentException e) {
            return new byte[0];
        }
    }

    static byte[] join(byte[] first, byte[] second) {
        byte[] both = new byte[first.length + second.length];
        System.arraycopy(first, 0, both, 0, first.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    static String variable(String name) {
        return System.getenv(name) == null ? "" : System.getenv(name);
    }
}
