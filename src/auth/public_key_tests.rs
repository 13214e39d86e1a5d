//! What may be registered as a public key, and what is said of everything else.

use super::*;
use crate::auth::fixtures::{OTHER, OWN};

/// The example key of the published documentation.
const CONTRACT_KEY: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAomV+Vm1xlRXanmh108Ku
sls7SSKec0oCejtc9QGObpd4RnQ+7gihm2k6etnSNP7b+XrpY+fBkiQNaBInii9M
10kW9Bhf/M9GH/edL3IqnzDNSi7tcoQgnO7h8xmzLNWHTjtR6bkrsdBS5dry6hto
taF5KXomuoYgztCdGDOa0W20aeLzYSXIoW7s/Ay5yIXt0xaXTll3/bmezleguFPn
wQZq5EqZFWlUZvutDi+f2l9rTRY0Fb64y+VAf+mnIbEovGqsPEeF/p97YWxcY7CW
m8NsT0lwBVOtkmEl967Brz5yvEObF5bJgVodi6mNVsN1ki0MCitIhYO8shcE7eUi
lQIDAQAB
-----END PUBLIC KEY-----
";
/// An RSA key as PKCS#1.
const PKCS1_KEY: &str = "\
-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAt/Ie3BDdqshwQbWGTuWkRZ1arjcxLzqKD+QW0J6Y5yXJGYP6b1uG
2nFqsqvPcjiv85k1T3Ygy/5rhzVlrZjzbigtql9CGeID+iuYQmiBq9mtl2lvRYPw
djWL72g1Bn8Dv1N+S37tHIXH67QkzrGkZdssPD69Gx6slw5uPSwd3jKetSfnsSFo
t099HMk4vUYjl3VnwiuNNG0Rl/xH42KrXJP0M6CudhxpVhEl2ZoIjpdtjd0SL5sY
8GIcWjZmpXYcCZc9a2u78lnuR1suXh1JwrnSL409rDJQatdmqe7bRWbY4dOb6Dlx
JZxvm/o+KOu443b5mEUWiedYQlNct921NwIDAQAB
-----END RSA PUBLIC KEY-----
";
/// An RSA key of 1024 bits.
const SMALL_KEY: &str = "\
-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQClTVD8Gs9dxw3CMGBzZ+3LJPRR
hiifpsNxHBFa7C2r8aTN4yXpES9n1amNBDnkr1e0zSJr0qhfSE97cY0t5zjoUZ7I
eQFdwmkFHg9Avp2k/4nVtI61WRibzJ2obFOHwJWj3P5/aKxCKiI8E32A9c82LZVy
qCdM4di3ETcvxR+fKQIDAQAB
-----END PUBLIC KEY-----
";
/// An RSA key with public exponent 3.
const EXPONENT_3_KEY: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEAyHNjJKdk0DMfJ9U31SHu
cdbZ/AFmwQwUoiO0ZG5E0j+/OUW2/OHddGSS7k9YBd4Wsm29ENvadHv9R5uTNY9l
CW+uYnrb/9ORhPkDJsPRxtPQx8DoInnlYP/GfcKIrouyDgR1kJasO0FXM3IHIpFD
yHw524HqtbP5N4MSL70fnCGHyrX92f9k9nlQpefX75h9bfHdZgWRsPXnAqTa1NGH
uaOCWISO8tuJPbBXFXCisX28me0ymowd2/1MwNGkZMjwzJNQ4ufCxvMdVr6dkm5P
KI8pe0eIgQxyU3RDmMx57ooQkyLZmY3hK/M3ujH5XucqJer5znvF4cf0dzQ5xeRF
YQIBAw==
-----END PUBLIC KEY-----
";
/// An RSA key that its algorithm restricts to PSS.
const PSS_KEY: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBAPOWxcv8VUylAHk5AgvRakNb
PD0+hd51RLVG6YlWGopQYksErX//0x49e2natWPobc/6sD+vV0N4OPx0kh/DFNxl
AH+64ds1aF4F3wMf2hNN5XisyxUdV9ULbfILcXoRNvRtufLQXGCw07HKaIhLlBsa
pFDZu6qDCc1uxm66fV6WZoNIXgjlrzLhXcAA3+Z2aTp+ChcOhcjlrCQgBdfY5exI
6XX3JUwISAEeGOu/TEUCjhin5MmNlJv2TOMDjNtLNqZEfOzotl9eeUV2Qw9fm/5S
Bxjm8vyeCOY8h9IEMlq5FhE8yFd0fkuXrwCChuhG1jOOjWsjmrx/nrPbL00Mxz0C
AwEAAQ==
-----END PUBLIC KEY-----
";
/// A key on the curve P-256.
const EC_KEY: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEX8fh1JAaluedWoIoEYtukV0Tecq9
0XIDEJaXkhkFUk57PxvaLLB/G0KemM+2OIUy5SqRXOC6pdWB2kVqDtqN6A==
-----END PUBLIC KEY-----
";
/// An Ed25519 key.
const ED25519_KEY: &str = "\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAwe2QAICvzGR3vLDtyi6o2oT3Ok3bUyhVSYHVGuA4d0M=
-----END PUBLIC KEY-----
";
/// An RSA key of 8192 bits.
const LARGEST_KEY: &str = "\
-----BEGIN PUBLIC KEY-----
MIIEIjANBgkqhkiG9w0BAQEFAAOCBA8AMIIECgKCBAEAyYyXqUr9YZ0hVVimYjRg
aPYGSXwy5unPLMcOuEst7qbpmfmVVNJllCjQzDVge02cBWx+b/nrMZUx7VBERBjO
YbWQ9BIQnC9DWCl201KrGa4sl2+WqJOqWMUl993ux8RiGDlFvZH0BHdfKq/2Lleb
0x+wV0Qm8BhNnVymmC3nrZlYftUN0ufWtGjbnBf8OQBQE0F+fSD4ijbP8DjDjWiu
UpkXYZSgC6IxEwtkIwKm6bQUT4ZBv94Deu0QR4Wp/PAkgh3B3AUAJST4TpqsHc0T
pTGu67Ia1kdQRjYG/En9EboROiH4lSEfyqPSxIFbdjimz1csYlU3o0o3fOsCXfaL
7ho7HZcKe4q1ik991H3EplQCQonv4P51BZmU+VsUiAFvT07WqWT4sXirRIgNaBvH
KAp71BFi6qmOCWM2pYu7K/hr8ch5LxQriRG0Y2KZs6U109//d1r8uPn/29b9rIcl
ZRTiDzvXbIsv3M2nVv3iGdAsV1GzhWvzA64uQQ32ERCoqbxSx2S6sqlr8aK9JF7C
omMOVMRqh5q02rvGEcT1cqzkskV7d53H2bHak7CYa9I2PQ2uuuX6FwOEsKLpwnou
ls0E3/OndW8g535Y2QZQbPppvvxU/3CV/bpzBiHPP9v6atuWnu0f9obKLmg5Sysv
xcp+5kH24KMnhzFHXEHrje3fYApChQMCDG0cdYXBw68hcgESu77YAgOmwXAe8Uru
6NIlx0U+r53r8InQ1xP9N0emTCG2+sOn03+wUWkgbg5TfwrOodbvnqIdkrS5mK3f
rVmA+8kTxq/1Np8V3S0bGjlxQGmsJMhe4oFylI17iUba955p5zjujNE2C2CwTWkK
bg4eS24s3EsQI7K79MHcWhRBgdojvELNTcrkAJv4WvQJPNW+3mbmzmTNVtxiAzqN
4yUbLDRE6oVvEwqI4F+6QeebTSagDHOf7drq0etCMdIPVn9gmE8ugFxxC6Plm+uK
cydcch4TZBXshtEz7+JdT4kgRnc+nuVrjOK346sLFkV1eH908D5M3j8wLFr7Efhz
LT20OdNVA4tvjIYqlpHYfSDUIe/WQpMByrSyWkBxWDU1jK5jAHQMld3YMitkTYc1
9KYCbPC6UykDkW7r9/cSejahP5FBoxdAXBgeH11ZMzZWTHfDRY953Wgi6XgtM9Qm
WTG8DNJlTkRbFNn7ksfOTLjxPm0/3Xk2gHXZkmsqqKhhoLr5KeGW7VXlce+6ydcu
gxVJMN7J+/ocNBzJgIAYaRqeH+9fjo3Ktw1QqezS1ihYV6On59X+6DrRjMDbeKFS
rLcSTAQ2IQKdf0XT9H+1U3U2HK0l7zToyWyGaVF/EvlaFXApivJAc83NMZqz/pxp
KQIDAQAB
-----END PUBLIC KEY-----
";
/// OpenSSL's signature of `text` by that key.
const LARGEST_KEY_SIGNATURE: &str = "\
C5XTpqZ9OoSXX0Rx+GfLs3eVywGGOldx/3VBVD1/hbSaduMPalV2nIoxrcLWSRsvrDnu5aKu/J9HwSRichs23OnhSBRyd8rzVs0L\
z0ERHGSWyX6s4eFQzEFmtCWhGEZs4K3HgNjU6yH2wP4XzCmU9qj1NRU4d6Vn2qUlIc9Tjv9Vt6ldu7oRdHKcDIAXaEw7dchmjHfO\
LiQS8CuePE6E4WE5DJDAB8NoKkifzG4Ac5O7ybVxXMpgQP9rLCnhkfRbFRY9vDDBmtYeopY2NGnIX5N0Yyagi8RE5WE++Gj06SuT\
8oWfqK6y9ARlYehZNDYINRoVuON+tzk40E0973s8XaaoKkoKDwVFHwVjqI8HX2nUDOUVEV47bNsdIucuFu2ifq7d6FQvn9gjw07L\
IftFJg/LIkAbq0VD1whUsSCElGO7ykPnCwrV2skP2ZEtxcyW0Ln4kAvx5w7Aa5PfHHa3QCwXb+I84TVb57zDR/Wfbj0OBXeqaf6m\
a4pDRkkePhbt7W89/HAQ/Q/jtLzaVnN34OFso5ZqzEtKdtaE+n9AyjBU8TEA6oHn/78NDieX493+RHi7TuOlX/DOM/JRom55XE0D\
SKZ7rKDqRl3wPlmFyI6Ze4vFzKb/0QD2GRBgUShc85mV7pS3naurcLnqXuZtNEPAxJSkuWfiRi36YJCybh0b5rrZtlt9hAzjQjC7\
67r8bfsw6l8gdPeWX+P5dQHzmDklvQUmxyXHcB0Rs9TnCOtLi3db+crkh0+fxKff0sPlHKd7+9KM1oN/qtuaXUq6LKxZJoRwD3a/\
hJI1WK4pEf93yhhJfoA3h40Jsmg7u/5o3LPK+eb8ykfPBpE6K273GQH5Al9KpxabGcDdCzeXWu7aOM0vprwPRgFnCmdOg/gKvPRT\
4UFQYhkqFurR8cVcfB/L4siz2OIMX+FpFn8U2C6rUszcGhCfD1T7IIZbaOmWfTdCxLZ+xIpD6OSfn/b5rdACiqa4u59pMFWdQ092\
w3CrrJ4ZZjCzy16D+FzaQu8NZB+IY29EOfKXSUam7LMkcI71un69242+jOsh/9V54/j4II4p91KM4DXfj0rOVHP2F5h9EMOCzNhJ\
kkSeDJJLyn8Tsn5oJeURmQKpqVAB1sWYDJFhLSWz6kWGgQdN0ipirmsfCM+x5jq/1DZ+bZIXj+TANy8DFBxBxA7n/4mpnNLfsb3v\
2aTNfnHFUvsq93i6P5e9kp5EMlAp41qaMKDTKQr9aQ83r2jjbd00TMw8KhHkYYBc76SnNGwjyqUEUjxjp8IPB9z6Y6yKOrkhkS8R\
nyWIz+4dWpHizltu2qAfAJ3UiYWZV65M1Q/iWUoCHDiJSoBDuSWgpwkuFfg1Q0R6Bw==";

fn refusal(text: &str) -> PublicKeyError {
    PublicKey::from_pem(text).unwrap_err()
}

fn enveloped(label: &str) -> String {
    format!("-----BEGIN {label}-----\nAQID\n-----END {label}-----\n")
}

#[test]
fn the_example_key_of_the_documentation_is_accepted_and_written_as_it_came() {
    let key = PublicKey::from_pem(CONTRACT_KEY).unwrap();
    assert_eq!(key.bits(), 2048);
    assert_eq!(key.signature_len(), 256);
    assert_eq!(key.to_pem(), CONTRACT_KEY);
    assert_eq!(key.fingerprint(), "SHA256:U/V3Wmaxz1U7Im2T0q0jmdep/COpE5ZZW/iQ3owFxAc");
    assert_eq!(PublicKey::from_pem(&key.to_pem()), Ok(key));
}

#[test]
fn line_ends_widths_and_surrounding_text_make_no_other_key() {
    let key = PublicKey::from_pem(CONTRACT_KEY).unwrap();
    let body = CONTRACT_KEY.split("-----").nth(2).unwrap();
    for text in [
        CONTRACT_KEY.replace('\n', "\r\n"),
        format!("\u{feff}\n\n  {}\n\n", CONTRACT_KEY.replace('\n', " \n\t")),
        format!("Public-Key: (2048 bit)\nModulus: 00\n{CONTRACT_KEY}Sent from my phone"),
        format!("-----BEGIN PUBLIC KEY-----{}-----END PUBLIC KEY-----", body.replace('\n', "")),
    ] {
        assert_eq!(PublicKey::from_pem(&text), Ok(key.clone()), "{text}");
    }
}

#[test]
fn a_key_of_8192_bits_verifies_what_openssl_signed() {
    let key = PublicKey::from_pem(LARGEST_KEY).unwrap();
    let signature = base64::engine::general_purpose::STANDARD.decode(LARGEST_KEY_SIGNATURE).unwrap();
    assert_eq!(key.bits(), 8192);
    assert!(key.verify(b"text", &signature));
    assert!(!key.verify(b"texT", &signature));
    assert!(!key.verify(b"text", &signature[1..]));
    assert!(!key.verify(b"text", b""));
}

#[test]
fn a_signature_is_true_for_its_own_key_only() {
    let signature = OWN.sign(b"text").unwrap();
    assert!(OWN.public_key().verify(b"text", &signature));
    assert!(!OTHER.public_key().verify(b"text", &signature));
    assert!(!OWN.public_key().verify(b"text\n", &signature));
}

#[test]
fn a_key_in_another_format_is_refused_with_the_command_that_converts_it() {
    for (text, error, remedy) in [
        (PKCS1_KEY.to_owned(), PublicKeyError::Pkcs1, "openssl rsa -RSAPublicKey_in"),
        (enveloped("CERTIFICATE"), PublicKeyError::Certificate, "openssl x509 -in"),
        (enveloped("CERTIFICATE").repeat(3), PublicKeyError::Certificate, "openssl x509 -in"),
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB me@host".to_owned(), PublicKeyError::OpenSsh, "ssh-keygen -e -m PKCS8"),
        ("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A".to_owned(), PublicKeyError::NoPem, "-inform DER"),
        (String::new(), PublicKeyError::NoPem, "BEGIN PUBLIC KEY"),
        (
            enveloped("CERTIFICATE REQUEST"),
            PublicKeyError::OtherPem("CERTIFICATE REQUEST".to_owned()),
            "RSA public key",
        ),
        (CONTRACT_KEY.repeat(2), PublicKeyError::SeveralKeys, "one by one"),
    ] {
        assert_eq!(refusal(&text), error);
        assert!(error.to_string().contains(remedy), "{error}");
    }
}

#[test]
fn a_private_key_of_any_kind_is_refused_as_disclosed() {
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"] {
        for text in
            [enveloped(label), format!("{CONTRACT_KEY}{}", enveloped(label)), format!("-----BEGIN {label}-----")]
        {
            assert_eq!(refusal(&text), PublicKeyError::PrivateKey);
        }
    }
    assert!(PublicKeyError::PrivateKey.to_string().contains("must never be shared"));
}

#[test]
fn a_key_of_another_algorithm_is_refused_by_name() {
    for (text, name) in [(EC_KEY, "elliptic curves (EC)"), (ED25519_KEY, "Ed25519"), (PSS_KEY, "RSASSA-PSS only")] {
        assert_eq!(refusal(text), PublicKeyError::NotRsa(name.to_owned()));
    }
}

#[test]
fn a_key_too_small_or_too_large_or_with_a_poor_exponent_is_refused() {
    assert_eq!(refusal(SMALL_KEY), PublicKeyError::TooSmall(1024));
    assert!(refusal(SMALL_KEY).to_string().contains("1024 bits"));
    assert_eq!(refusal(EXPONENT_3_KEY), PublicKeyError::WeakExponent(3));
    let (modulus, usual) = ([0xFF; 256], [1, 0, 1]);
    assert_eq!(check_strength(&modulus, &usual), Ok(()));
    assert_eq!(check_strength(&[0xFF; 1024], &usual), Ok(()));
    assert_eq!(check_strength(&[&[1], &[0xFF; 1024][..]].concat(), &usual), Err(PublicKeyError::TooLarge(8193)));
    assert_eq!(check_strength(&[&[0x7F], &[0xFF; 255][..]].concat(), &usual), Err(PublicKeyError::TooSmall(2047)));
    assert_eq!(check_strength(&modulus, &[1, 0, 0]), Err(PublicKeyError::WeakExponent(65_536)));
    assert_eq!(check_strength(&modulus, &[1, 0, 2]), Err(PublicKeyError::WeakExponent(65_538)));
    assert_eq!(check_strength(&modulus, &[]), Err(PublicKeyError::WeakExponent(0)));
    for huge in [vec![2, 0, 0, 0, 1], vec![1; 9], vec![1; 256]] {
        assert_eq!(check_strength(&modulus, &huge), Err(PublicKeyError::LargeExponent));
    }
}

#[test]
fn a_damaged_key_is_refused_as_such_and_never_panics() {
    let cut_off = &CONTRACT_KEY[..200];
    assert!(matches!(refusal(cut_off), PublicKeyError::Damaged(_)));
    assert!(matches!(refusal(&enveloped("PUBLIC KEY")), PublicKeyError::Damaged(_)));
    let der = pem::blocks(CONTRACT_KEY)[0].der().unwrap();
    for index in 0..der.len() {
        assert!(PublicKey::from_spki(&der[..index]).is_err());
        for flip in [0x01, 0x80, 0xFF] {
            let mut damaged = der.to_vec();
            damaged[index] ^= flip;
            // Damage within the modulus gives another number, which nothing can tell from a key.
            if let Ok(key) = PublicKey::from_spki(&damaged) {
                assert_ne!(key.to_pem(), CONTRACT_KEY);
            }
        }
    }
    assert!(PublicKey::from_spki(&[der.as_slice(), b"\0"].concat()).is_err());
}
