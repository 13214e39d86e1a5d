import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A partner's client for Java 11 or newer, with nothing to install: log in, sign, create one sales order; or validate,
 * cancel or list orders. Prints the HTTP status, then the body, of the last answer; of a list, those of each page.
 * The key is PKCS#8 ("BEGIN PRIVATE KEY").
 *
 * <pre>
 * BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \
 * PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] java Partner.java
 * ACTION=validate   with the same: nothing is stored
 * ACTION=cancel     with ORDER_NUMBER=SO-0000000042, and BODY={"reason": "CUSTOMER_REQUEST"} in a file
 * ACTION=list       with neither key nor BODY: [CURSOR=...] [LIMIT=200]
 * </pre>
 */
public class Partner {
    static final String ORDERS = "/api/v1/sales-orders";
    static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(30)).build();

    public static void main(String[] args) throws Exception {
        String clientId = required("CLIENT_ID");
        String action = isSet("ACTION") ? required("ACTION") : "create";

        // 1. The token. (Neither the id nor the secret holds characters that JSON would want escaped.)
        String credentials = String.format(
            "{\"client_id\":\"%s\",\"client_secret\":\"%s\"}", clientId, required("CLIENT_SECRET"));
        HttpResponse<byte[]> login =
            post("/api/v1/auth/login", Map.of(), credentials.getBytes(StandardCharsets.UTF_8));
        Matcher token = Pattern.compile("\"token\"\\s*:\\s*\"([^\"]+)\"")
            .matcher(new String(login.body(), StandardCharsets.UTF_8));
        if (login.statusCode() != 200 || !token.find()) {
            show(login);
            return;
        }
        if (action.equals("list")) {
            list(token.group(1));
            return;
        }

        // 2. The signature. The body stays bytes: what is hashed is exactly what is sent. Only one that binds it cancels.
        String path = ORDERS;
        if (action.equals("validate")) {
            path = ORDERS + "/validation";
        } else if (action.equals("cancel")) {
            path = ORDERS + "/" + required("ORDER_NUMBER") + "/cancellation";
        } else if (!action.equals("create")) {
            fail("ACTION is create, validate, cancel or list");
        }
        byte[] body = Files.readAllBytes(Path.of(required("BODY")));
        String timestamp = Long.toString(Instant.now().getEpochSecond());
        boolean bodyBound = isSet("BODY_BOUND") || action.equals("cancel");
        String stringToSign = bodyBound
            ? "POST:" + path + ":" + sha256Hex(body) + ":" + timestamp
            : clientId + "|" + timestamp;
        if (bodyBound && isSet("KEY_BOUND")) {
            stringToSign += ":" + required("IDEMPOTENCY_KEY");
        }

        // 3. The request.
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put("Authorization", "Bearer " + token.group(1));
        headers.put("X-CLIENT-ID", clientId);
        headers.put("X-TIMESTAMP", timestamp);
        headers.put("X-SIGNATURE", sign(stringToSign));
        if (isSet("IDEMPOTENCY_KEY")) {
            headers.put("Idempotency-Key", System.getenv("IDEMPOTENCY_KEY"));
        }
        show(post(path, headers, body));
    }

    /** Page by page, until there is no more. A program keeps the last next_cursor, and goes on with it another time. */
    static void list(String token) throws Exception {
        String cursor = isSet("CURSOR") ? required("CURSOR") : "";
        while (true) {
            String query = "?limit=" + (isSet("LIMIT") ? required("LIMIT") : "200");
            if (!cursor.isEmpty()) {
                query += "&cursor=" + URLEncoder.encode(cursor, StandardCharsets.UTF_8);
            }
            HttpRequest.Builder request = request(ORDERS + query, Map.of("Authorization", "Bearer " + token));
            HttpResponse<byte[]> page = HTTP.send(request.GET().build(), HttpResponse.BodyHandlers.ofByteArray());
            show(page);
            // Within a text of the order, a quotation mark has a backslash before it: these are not found in one.
            String text = new String(page.body(), StandardCharsets.UTF_8);
            Matcher next = Pattern.compile("\"next_cursor\"\\s*:\\s*\"([^\"]+)\"").matcher(text);
            if (!Pattern.compile("\"has_more\"\\s*:\\s*true").matcher(text).find() || !next.find()) {
                return;
            }
            cursor = next.group(1);
        }
    }

    static HttpResponse<byte[]> post(String path, Map<String, String> headers, byte[] body) throws Exception {
        HttpRequest.Builder request = request(path, headers)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofByteArray(body));
        return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    static HttpRequest.Builder request(String path, Map<String, String> headers) {
        HttpRequest.Builder request =
            HttpRequest.newBuilder(URI.create(required("BASE_URL") + path)).timeout(Duration.ofSeconds(30));
        headers.forEach(request::header);
        return request;
    }

    static String sign(String text) throws Exception {
        String pem = Files.readString(Path.of(required("PRIVATE_KEY")));
        byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[A-Z ]+-----", ""));
        PrivateKey key = KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(der));
        Signature signature = Signature.getInstance("SHA256withRSA");
        signature.initSign(key);
        signature.update(text.getBytes(StandardCharsets.UTF_8));
        return Base64.getEncoder().encodeToString(signature.sign());
    }

    static String sha256Hex(byte[] bytes) throws Exception {
        StringBuilder hex = new StringBuilder();
        for (byte b : MessageDigest.getInstance("SHA-256").digest(bytes)) {
            hex.append(String.format("%02x", b));
        }
        return hex.toString();
    }

    static void show(HttpResponse<byte[]> answer) {
        // The bytes as they came: System.out would turn letters into the machine's own encoding.
        System.out.println(answer.statusCode());
        System.out.write(answer.body(), 0, answer.body().length);
        System.out.println();
    }

    static void fail(String message) {
        System.err.println(message);
        System.exit(2);
    }

    static boolean isSet(String name) {
        return System.getenv(name) != null && !System.getenv(name).isEmpty();
    }

    static String required(String name) {
        if (!isSet(name)) {
            fail(name + " is not set");
        }
        return System.getenv(name);
    }
}
