#!/usr/bin/env perl
# A partner's client in Perl's core modules, with openssl for RSA: log in, sign, create one sales order.
# Prints the HTTP status, then the body, of the last answer. (For https, HTTP::Tiny also wants IO::Socket::SSL.)
#
#   BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \
#   PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] perl partner.pl
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use HTTP::Tiny;
use IPC::Open2 qw(open2);
use JSON::PP qw(decode_json encode_json);
use MIME::Base64 qw(encode_base64);

my $PATH = '/api/v1/sales-orders';
my ($base_url, $client_id, $client_secret, $private_key, $body_file) =
  map { $ENV{$_} // die "$_ is not set\n" } qw(BASE_URL CLIENT_ID CLIENT_SECRET PRIVATE_KEY BODY);

my $http = HTTP::Tiny->new(timeout => 30);

sub post {
    my ($path, $headers, $body) = @_;
    my $answer = $http->post($base_url . $path,
        { headers => { 'Content-Type' => 'application/json', %$headers }, content => $body });
    # 599 is not the server's: HTTP::Tiny could not get an answer.
    die $answer->{content} if $answer->{status} == 599;
    return $answer;
}

sub show {
    my ($answer) = @_;
    print "$answer->{status}\n$answer->{content}\n";
    exit 0;
}

sub sign {
    my ($text) = @_;
    my $pid = open2(my $out, my $in, qw(openssl dgst -sha256 -sign), $private_key);
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
show($login) if $login->{status} != 200;
my $token = decode_json($login->{content})->{token};

# 2. The signature. The body stays bytes: what is hashed is exactly what is sent.
my $body      = read_bytes($body_file);
my $timestamp = time;
my $string_to_sign =
  $ENV{BODY_BOUND} ? join(':', 'POST', $PATH, sha256_hex($body), $timestamp) : "$client_id|$timestamp";
$string_to_sign .= ":$ENV{IDEMPOTENCY_KEY}" if $ENV{BODY_BOUND} && $ENV{KEY_BOUND};

# 3. The order.
my %headers = (
    'Authorization' => "Bearer $token",
    'X-CLIENT-ID'   => $client_id,
    'X-TIMESTAMP'   => $timestamp,
    'X-SIGNATURE'   => sign($string_to_sign),
);
$headers{'Idempotency-Key'} = $ENV{IDEMPOTENCY_KEY} if $ENV{IDEMPOTENCY_KEY};
show(post($PATH, \%headers, $body));
