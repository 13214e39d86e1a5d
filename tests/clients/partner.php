<?php
// A partner's client for PHP 8 with its openssl extension, nothing else to install: log in, sign, create one sales
// order. Prints the HTTP status, then the body, of the last answer.
//
//   BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \
//   PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] php partner.php
declare(strict_types=1);

const PATH = '/api/v1/sales-orders';

function required(string $name): string
{
    $value = getenv($name);
    if ($value === false || $value === '') {
        fail("$name is not set");
    }
    return $value;
}

function fail(string $message): never
{
    fwrite(STDERR, "$message\n");
    exit(2);
}

/** @return array{int, string} the status and the body */
function post(string $path, array $headers, string $body): array
{
    $lines = ['Content-Type: application/json'];
    foreach ($headers as $name => $value) {
        $lines[] = "$name: $value";
    }
    // ignore_errors: an answer that says what is wrong is an answer too.
    $context = stream_context_create(['http' => [
        'method' => 'POST', 'header' => $lines, 'content' => $body, 'ignore_errors' => true, 'timeout' => 30,
    ]]);
    $answer = fopen(required('BASE_URL') . $path, 'r', false, $context) ?: fail('no answer');
    // The first line of the answer: "HTTP/1.1 201 Created".
    $status = explode(' ', stream_get_meta_data($answer)['wrapper_data'][0])[1];
    return [(int) $status, stream_get_contents($answer)];
}

function show(array $answer): never
{
    echo "$answer[0]\n$answer[1]\n";
    exit(0);
}

$clientId = required('CLIENT_ID');

// 1. The token.
$credentials = json_encode(['client_id' => $clientId, 'client_secret' => required('CLIENT_SECRET')]);
$login = post('/api/v1/auth/login', [], $credentials);
if ($login[0] !== 200) {
    show($login);
}
$token = json_decode($login[1])->token;

// 2. The signature. The body stays bytes: what is hashed is exactly what is sent.
$body = file_get_contents(required('BODY')) ?: fail('BODY cannot be read');
$timestamp = (string) time();
$stringToSign = getenv('BODY_BOUND')
    ? 'POST:' . PATH . ':' . hash('sha256', $body) . ":$timestamp"
    : "$clientId|$timestamp";
if (getenv('BODY_BOUND') && getenv('KEY_BOUND')) {
    $stringToSign .= ':' . required('IDEMPOTENCY_KEY');
}
$key = openssl_pkey_get_private(file_get_contents(required('PRIVATE_KEY'))) ?: fail('PRIVATE_KEY cannot be read');
// OPENSSL_ALGO_SHA256 with an RSA key is SHA256withRSA; PHP's own default would be SHA-1.
openssl_sign($stringToSign, $signature, $key, OPENSSL_ALGO_SHA256) || fail('the key cannot sign');

// 3. The order.
$headers = [
    'Authorization' => "Bearer $token",
    'X-CLIENT-ID' => $clientId,
    'X-TIMESTAMP' => $timestamp,
    'X-SIGNATURE' => base64_encode($signature),
];
if (getenv('IDEMPOTENCY_KEY')) {
    $headers['Idempotency-Key'] = getenv('IDEMPOTENCY_KEY');
}
show(post(PATH, $headers, $body));
