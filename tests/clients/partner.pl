#!/usr/bin/env perl
# A partner's client in Perl's core modules, with openssl for RSA: log in, sign, create one sales order; or validate,
# cancel or list orders. Prints the HTTP status, then the body, of the last answer; of a list, those of each page.
# (For https, HTTP::Tiny also wants IO::Socket::SSL.)
#
#   BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \
#   PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] perl partner.pl
#   ACTION=validate   with the same: nothing is stored
#   ACTION=cancel     with ORDER_NUMBER=SO-0000000042, and BODY={"reason": "CUSTOMER_REQUEST"} in a file
#   ACTION=list       with neither key nor BODY: [CURSOR=...] [LIMIT=200]
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use HTTP::Tiny;
use IPC::Open2 qw(open2);
use JSON::PP qw(decode_json encode_json);
use MIME::Base64 qw(encode_base64);

sub required {
    my ($name) = @_;
    return $ENV{$name} // die "$name is not set\n";
}

my $ORDERS = '/api/v1/sales-orders';
my ($base_url, $client_id, $client_secret) = map { required($_) } qw(BASE_URL CLIENT_ID CLIENT_SECRET);
my $action = $ENV{ACTION} // 'create';

my $http = HTTP::Tiny->new(timeout => 30);

sub send_request {
    my ($method, $path, $options) = @_;
    my $answer = $http->request($method, $base_url . $path, $options);
    # 599 is not the server's: HTTP::Tiny could not get an answer.
    die $answer->{content} if $answer->{status} == 599;
    return $answer;
}

sub post {
    my ($path, $headers, $body) = @_;
    return send_request('POST', $path,
        { headers => { 'Content-Type' => 'application/json', %$headers }, content => $body });
}

sub show {
    my ($answer) = @_;
    print "$answer->{status}\n$answer->{content}\n";
}

# Page by page, until there is no more. A program keeps the last next_cursor, and goes on with it another time.
sub list_orders {
    my ($token) = @_;
    my %query = (limit => $ENV{LIMIT} // 200);
    $query{cursor} = $ENV{CURSOR} if $ENV{CURSOR};
    while (1) {
        my $page = send_request('GET', "$ORDERS?" . $http->www_form_urlencode(\%query),
            { headers => { 'Authorization' => "Bearer $token" } });
        show($page);
        return if $page->{status} != 200;
        my $content = decode_json($page->{content});
        return if !$content->{has_more};
        $query{cursor} = $content->{next_cursor};
    }
}

sub sign {
    my ($text) = @_;
    my $pid = open2(my $out, my $in, qw(openssl dgst -sha256 -sign), required('PRIVATE_KEY'));
    binmode $out;
    # print and not say: a line break at the end would be signed as well.
    print {$in} $text;
    close $in;
    my $signature = do { local $/; <$out> };
    waitpid $pid, 0;
    die "openssl could not sign\n" if $? != 0;
    # The second argument is the line end: by default, encode_base64 breaks lines, which no header may hold.
    return encode_base64($signature, '');
}

sub read_bytes {
    my ($name) = @_;
    open my $file, '<:raw', $name or die "$name: $!\n";
    local $/;
    return <$file>;
}

# 1. The token.
my $login = post('/api/v1/auth/login', {},
    encode_json({ client_id => $client_id, client_secret => $client_secret }));
if ($login->{status} != 200) {
    show($login);
    exit 0;
}
my $token = decode_json($login->{content})->{token};
if ($action eq 'list') {
    list_orders($token);
    exit 0;
}

# 2. The signature. The body stays bytes: what is hashed is exactly what is sent. Only one that binds it cancels.
my $path =
    $action eq 'create'   ? $ORDERS
  : $action eq 'validate' ? "$ORDERS/validation"
  : $action eq 'cancel'   ? "$ORDERS/" . required('ORDER_NUMBER') . '/cancellation'
  :                         die "ACTION is create, validate, cancel or list\n";
my $body       = read_bytes(required('BODY'));
my $timestamp  = time;
my $body_bound = $ENV{BODY_BOUND} || $action eq 'cancel';
my $string_to_sign =
  $body_bound ? join(':', 'POST', $path, sha256_hex($body), $timestamp) : "$client_id|$timestamp";
$string_to_sign .= ":$ENV{IDEMPOTENCY_KEY}" if $body_bound && $ENV{KEY_BOUND};

# 3. The request.
my %headers = (
    'Authorization' => "Bearer $token",
    'X-CLIENT-ID'   => $client_id,
    'X-TIMESTAMP'   => $timestamp,
    'X-SIGNATURE'   => sign($string_to_sign),
);
$headers{'Idempotency-Key'} = $ENV{IDEMPOTENCY_KEY} if $ENV{IDEMPOTENCY_KEY};
show(post($path, \%headers, $body));
