<?php
// A partner's receiver of webhooks for PHP 8, with nothing to install: is this one from the service, and is it new?
// Prints "valid" (exit status 0), "valid: seen before" (0: answer 200 and do nothing), or "invalid: " and why (1).
//
//   WEBHOOK_SECRET=whsec_... WEBHOOK_ID=... WEBHOOK_TIMESTAMP=... WEBHOOK_SIGNATURE=v1,... \
//   [SEEN=ids.txt] [NOW=1795441036] php verify.php < body
//   WEBHOOK_SECRET   while it is rotated, both secrets with a space between them; a whpk_ public key verifies v1a, for
//                    which PHP needs its sodium extension
//   SEEN             a file with the ids of webhooks that were taken before
//   NOW              the time in unix seconds, for tests
declare(strict_types=1);

const TOLERANCE = 300;

/** Whether this key made the signature. One of another version is for another kind of key. */
function is_of(string $key, string $version, string $signature, string $signed): bool
{
    if ($version === 'v1' && str_starts_with($key, 'whsec_')) {
        $secret = base64_decode(substr($key, strlen('whsec_')));
        // Not ===, whose duration tells how much of a guess is right.
        return hash_equals(hash_hmac('sha256', $signed, $secret, true), $signature);
    }
    if ($version === 'v1a' && str_starts_with($key, 'whpk_')) {
        $public = base64_decode(substr($key, strlen('whpk_')));
        return strlen($signature) === SODIUM_CRYPTO_SIGN_BYTES
            && sodium_crypto_sign_verify_detached($signature, $signed, $public);
    }
    return false;
}

/** Why the webhook is refused; null if it is not. */
function fault(array $keys, string $id, string $timestamp, string $header, string $body, int $now): ?string
{
    if ($id === '' || $timestamp === '' || $header === '') {
        return 'a header is missing';
    }
    // 1. The time, or whoever has a copy could send it for ever.
    if (!preg_match('/\A[0-9]{1,11}\z/', $timestamp)) {
        return 'webhook-timestamp is not in unix seconds';
    }
    if ($now - (int) $timestamp > TOLERANCE) {
        return 'webhook-timestamp is too old';
    }
    if ((int) $timestamp - $now > TOLERANCE) {
        return 'webhook-timestamp is in the future';
    }
    // 2. The signatures: one by one of these keys is enough.
    $signed = "$id.$timestamp.$body";
    foreach (explode(' ', $header) as $one) {
        [$version, $encoded] = explode(',', $one, 2) + ['', ''];
        foreach ($keys as $key) {
            if (is_of($key, $version, base64_decode($encoded), $signed)) {
                return null;
            }
        }
    }
    return 'no signature matches';
}

/** Remembers the id. A service keeps ids in its database under a unique index, with what the webhook made it do. */
function seen_before(string $id): bool
{
    $name = getenv('SEEN');
    if (!$name) {
        return false;
    }
    if (is_file($name) && in_array($id, file($name, FILE_IGNORE_NEW_LINES), true)) {
        return true;
    }
    file_put_contents($name, "$id\n", FILE_APPEND);
    return false;
}

$keys = preg_split('/ +/', (string) getenv('WEBHOOK_SECRET'), -1, PREG_SPLIT_NO_EMPTY);
if (!$keys || preg_grep('/^(whsec|whpk)_/', $keys, PREG_GREP_INVERT)) {
    fwrite(STDERR, "WEBHOOK_SECRET is not one or more whsec_ secrets or whpk_ public keys\n");
    exit(2);
}
[$id, $timestamp, $header] =
    array_map(fn ($name) => (string) getenv($name), ['WEBHOOK_ID', 'WEBHOOK_TIMESTAMP', 'WEBHOOK_SIGNATURE']);
// The bytes as they came in (php://input in a web server): parsed and written again, the same JSON has another signature.
$body = (string) file_get_contents('php://stdin');
$why = fault($keys, $id, $timestamp, $header, $body, (int) (getenv('NOW') ?: time()));
if ($why !== null) {
    echo "invalid: $why\n";
    exit(1);
}
echo seen_before($id) ? "valid: seen before\n" : "valid\n";
