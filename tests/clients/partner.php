<?php
// A partner's client for PHP 8 with its openssl extension, nothing else to install: log in, sign, create one sales
// order; or validate, cancel or list orders. Prints the HTTP status, then the body, of the last answer; of a list, those
// of each page.
//
//   BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \
//   PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] php partner.php
//   ACTION=validate   with the same: nothing is stored
//   ACTION=cancel     with ORDER_NUMBER=SO-0000000042, and BODY={"reason": "CUSTOMER_REQUEST"} in a file
//   ACTION=list       with neither key nor BODY: [CURSOR=...] [LIMIT=200]
declare(strict_types=1);

const ORDERS = '/api/v1/sales-orders';

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
function send(string $method, string $path, array $headers, string $body = ''): array
{
    $lines = [];
    foreach ($headers as $name => $value) {
        $lines[] = "$name: $value";
    }
    // ignore_errors: an answer that says what is wrong is an answer too.
    $context = stream_context_create(['http' => [
        'method' => $method, 'header' => $lines, 'content' => $body, 'ignore_errors' => true, 'timeout' => 30,
    ]]);
    $answer = fopen(required('BASE_URL') . $path, 'r', false, $context) ?: fail('no answer');
    // The first line of the answer: "HTTP/1.1 201 Created".
    $status = explode(' ', stream_get_meta_data($answer)['wrapper_data'][0])[1];
    return [(int) $status, stream_get_contents($answer)];
}

function post(string $path, array $headers, string $body): array
{
    return send('POST', $path, ['Content-Type' => 'application/json'] + $headers, $body);
}

function show(array $answer): void
{
    echo "$answer[0]\n$answer[1]\n";
}

/** Page by page, until there is no more. A program keeps the last next_cursor, and goes on with it another time. */
function list_orders(string $token): void
{
    $query = ['limit' => getenv('LIMIT') ?: 200];
    if (getenv('CURSOR')) {
        $query['cursor'] = getenv('CURSOR');
    }
    do {
        $answer = send('GET', ORDERS . '?' . http_build_query($query), ['Authorization' => "Bearer $token"]);
        show($answer);
        $page = json_decode($answer[1]);
        $query['cursor'] = $page->next_cursor ?? '';
    } while ($answer[0] === 200 && $page->has_more);
}

$clientId = required('CLIENT_ID');
$action = getenv('ACTION') ?: 'create';

// 1. The token.
$credentials = json_encode(['client_id' => $clientId, 'client_secret' => required('CLIENT_SECRET')]);
$login = post('/api/v1/auth/login', [], $credentials);
if ($login[0] !== 200) {
    show($login);
    exit(0);
}
$token = json_decode($login[1])->token;
if ($action === 'list') {
    list_orders($token);
    exit(0);
}

// 2. The signature. The body stays bytes: what is hashed is exactly what is sent. Only one that binds it cancels.
$path = match ($action) {
    'create' => ORDERS,
    'validate' => ORDERS . '/validation',
    'cancel' => ORDERS . '/' . required('ORDER_NUMBER') . '/cancellation',
    default => fail('ACTION is create, validate, cancel or list'),
};
$body = file_get_contents(required('BODY')) ?: fail('BODY cannot be read');
$timestamp = (string) time();
$bodyBound = getenv('BODY_BOUND') || $action === 'cancel';
$stringToSign = $bodyBound
    ? "POST:$path:" . hash('sha256', $body) . ":$timestamp"
    : "$clientId|$timestamp";
if ($bodyBound && getenv('KEY_BOUND')) {
    $stringToSign .= ':' . required('IDEMPOTENCY_KEY');
}
$key = openssl_pkey_get_private(file_get_contents(required('PRIVATE_KEY'))) ?: fail('PRIVATE_KEY cannot be read');
// OPENSSL_ALGO_SHA256 with an RSA key is SHA256withRSA; PHP's own default would be SHA-1.
openssl_sign($stringToSign, $signature, $key, OPENSSL_ALGO_SHA256) || fail('the key cannot sign');

// 3. The request.
$headers = [
    'Authorization' => "Bearer $token",
    'X-CLIENT-ID' => $clientId,
    'X-TIMESTAMP' => $timestamp,
    'X-SIGNATURE' => base64_encode($signature),
];
if (getenv('IDEMPOTENCY_KEY')) {
    $headers['Idempotency-Key'] = getenv('IDEMPOTENCY_KEY');
}
show(post($path, $headers, $body));
