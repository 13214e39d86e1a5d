#!/usr/bin/env perl
# A partner's receiver of webhooks in Perl's core modules: is this one from the service, and is it new?
# Prints "valid" (exit status 0), "valid: seen before" (0: answer 200 and do nothing), or "invalid: " and why (1).
#
#   WEBHOOK_SECRET=whsec_... WEBHOOK_ID=... WEBHOOK_TIMESTAMP=... WEBHOOK_SIGNATURE=v1,... \
#   [SEEN=ids.txt] [NOW=1795441036] perl verify.pl < body
#   WEBHOOK_SECRET   while it is rotated, both secrets with a space between them
#   SEEN             a file with the ids of webhooks that were taken before
#   NOW              the time in unix seconds, for tests
#
# Only v1 signatures: no core module has Ed25519, which v1a needs.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use MIME::Base64 qw(decode_base64);

my $TOLERANCE = 300;

# Not eq, whose duration tells how much of a guess is right: this looks at every byte.
sub is_equal {
    my ($one, $other) = @_;
    return length $one == length $other && (($one ^ $other) =~ tr/\0//c) == 0;
}

# Why the webhook is refused; undef if it is not.
sub fault {
    my ($secrets, $id, $timestamp, $header, $body, $now) = @_;
    return 'a header is missing' if grep { $_ eq '' } $id, $timestamp, $header;
    # 1. The time, or whoever has a copy could send it for ever.
    return 'webhook-timestamp is not in unix seconds' if $timestamp !~ /\A[0-9]{1,11}\z/;
    return 'webhook-timestamp is too old' if $now - $timestamp > $TOLERANCE;
    return 'webhook-timestamp is in the future' if $timestamp - $now > $TOLERANCE;
    # 2. The signatures: one by one of these secrets is enough. Those of other versions are for others.
    my $signed = "$id.$timestamp.$body";
    for my $signature (split ' ', $header) {
        my ($version, $encoded) = split /,/, $signature, 2;
        next if $version ne 'v1' || !defined $encoded;
        for my $secret (@$secrets) {
            my $key = decode_base64($secret =~ s/\Awhsec_//r);
            return if is_equal(decode_base64($encoded), hmac_sha256($signed, $key));
        }
    }
    return 'no signature matches';
}

# Remembers the id. A service keeps ids in its database under a unique index, with what the webhook made it do.
sub seen_before {
    my ($id) = @_;
    my $name = $ENV{SEEN} or return 0;
    open my $file, '+>>', $name or die "$name: $!\n";
    seek $file, 0, 0;
    while (my $line = <$file>) {
        chomp $line;
        return 1 if $line eq $id;
    }
    print {$file} "$id\n";
    return 0;
}

my @secrets = split ' ', $ENV{WEBHOOK_SECRET} // '';
die "WEBHOOK_SECRET is not one or more whsec_ secrets\n" if !@secrets || grep { !/\Awhsec_/ } @secrets;
my ($id, $timestamp, $header) = map { $ENV{$_} // '' } qw(WEBHOOK_ID WEBHOOK_TIMESTAMP WEBHOOK_SIGNATURE);
# The bytes as they came in: parsed and written again, the same JSON has another signature.
binmode STDIN;
my $body = do { local $/; <STDIN> } // '';
my $why = fault(\@secrets, $id, $timestamp, $header, $body, $ENV{NOW} || time);
if (defined $why) {
    print "invalid: $why\n";
    exit 1;
}
print seen_before($id) ? "valid: seen before\n" : "valid\n";
