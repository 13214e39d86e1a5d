// A partner's client for .NET 8 or newer, with nothing to install: log in, sign, create one sales order; or validate,
// cancel or list orders. Prints the HTTP status, then the body, of the last answer; of a list, those of each page.
//
//   BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \
//   PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] dotnet run Partner.cs
//   ACTION=validate   with the same: nothing is stored
//   ACTION=cancel     with ORDER_NUMBER=SO-0000000042, and BODY={"reason": "CUSTOMER_REQUEST"} in a file
//   ACTION=list       with neither key nor BODY: [CURSOR=...] [LIMIT=200]
//
// .NET 10 and newer run the file as it is; for .NET 8 and 9 make it the Program.cs of `dotnet new console`.
using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Threading.Tasks;

public static class Partner
{
    private const string Orders = "/api/v1/sales-orders";

    private static readonly HttpClient Http = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };

    public static async Task Main()
    {
        string clientId = Required("CLIENT_ID");
        string action = IsSet("ACTION") ? Required("ACTION") : "create";

        // 1. The token. (Neither the id nor the secret holds characters that JSON would want escaped.)
        string credentials =
            "{\"client_id\":\"" + clientId + "\",\"client_secret\":\"" + Required("CLIENT_SECRET") + "\"}";
        (int status, string answer) =
            await Post("/api/v1/auth/login", new Dictionary<string, string>(), Encoding.UTF8.GetBytes(credentials));
        if (status != 200)
        {
            Show(status, answer);
            return;
        }
        // The answer is {"token":"…","expired_at":…}, and a token holds no quotes.
        string token = answer.Split("\"token\":\"")[1].Split('"')[0];
        if (action == "list")
        {
            await ListOrders(token);
            return;
        }

        // 2. The signature. The body stays bytes: what is hashed is exactly what is sent. Only one that binds it cancels.
        string path = Orders;
        if (action == "validate")
        {
            path = Orders + "/validation";
        }
        else if (action == "cancel")
        {
            path = Orders + "/" + Required("ORDER_NUMBER") + "/cancellation";
        }
        else if (action != "create")
        {
            Fail("ACTION is create, validate, cancel or list");
        }
        byte[] body = File.ReadAllBytes(Required("BODY"));
        string timestamp = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString();
        bool bodyBound = IsSet("BODY_BOUND") || action == "cancel";
        string stringToSign = bodyBound
            ? "POST:" + path + ":" + Convert.ToHexString(SHA256.HashData(body)).ToLowerInvariant() + ":" + timestamp
            : clientId + "|" + timestamp;
        if (bodyBound && IsSet("KEY_BOUND"))
        {
            stringToSign += ":" + Required("IDEMPOTENCY_KEY");
        }

        // 3. The request.
        var headers = new Dictionary<string, string>
        {
            ["Authorization"] = "Bearer " + token,
            ["X-CLIENT-ID"] = clientId,
            ["X-TIMESTAMP"] = timestamp,
            ["X-SIGNATURE"] = Sign(stringToSign),
        };
        if (IsSet("IDEMPOTENCY_KEY"))
        {
            headers["Idempotency-Key"] = Required("IDEMPOTENCY_KEY");
        }
        (status, answer) = await Post(path, headers, body);
        Show(status, answer);
    }

    // Page by page, until there is no more. A program keeps the last next_cursor, and goes on with it another time.
    private static async Task ListOrders(string token)
    {
        string cursor = IsSet("CURSOR") ? Required("CURSOR") : "";
        var headers = new Dictionary<string, string> { ["Authorization"] = "Bearer " + token };
        while (true)
        {
            string query = "?limit=" + (IsSet("LIMIT") ? Required("LIMIT") : "200");
            if (cursor != "")
            {
                query += "&cursor=" + Uri.EscapeDataString(cursor);
            }
            (int status, string answer) = await Send(Request(HttpMethod.Get, Orders + query), headers);
            Show(status, answer);
            if (status != 200)
            {
                return;
            }
            using (JsonDocument page = JsonDocument.Parse(answer))
            {
                if (!page.RootElement.GetProperty("has_more").GetBoolean())
                {
                    return;
                }
                cursor = page.RootElement.GetProperty("next_cursor").GetString() ?? "";
            }
        }
    }

    private static string Sign(string text)
    {
        using (RSA key = RSA.Create())
        {
            key.ImportFromPem(File.ReadAllText(Required("PRIVATE_KEY")));
            byte[] signature =
                key.SignData(Encoding.UTF8.GetBytes(text), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            return Convert.ToBase64String(signature);
        }
    }

    private static Task<(int, string)> Post(string path, Dictionary<string, string> headers, byte[] body)
    {
        HttpRequestMessage request = Request(HttpMethod.Post, path);
        request.Content = new ByteArrayContent(body);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return Send(request, headers);
    }

    private static HttpRequestMessage Request(HttpMethod method, string path)
    {
        return new HttpRequestMessage(method, Required("BASE_URL") + path);
    }

    private static async Task<(int, string)> Send(HttpRequestMessage request, Dictionary<string, string> headers)
    {
        using (request)
        {
            foreach (KeyValuePair<string, string> header in headers)
            {
                request.Headers.TryAddWithoutValidation(header.Key, header.Value);
            }
            using (HttpResponseMessage response = await Http.SendAsync(request))
            {
                string answer = await response.Content.ReadAsStringAsync();
                return ((int)response.StatusCode, answer);
            }
        }
    }

    private static void Show(int status, string answer)
    {
        // Bytes, and not Console.WriteLine: that would turn letters into the machine's own encoding.
        byte[] text = Encoding.UTF8.GetBytes(status + "\n" + answer + "\n");
        using (Stream output = Console.OpenStandardOutput())
        {
            output.Write(text, 0, text.Length);
        }
    }

    private static void Fail(string message)
    {
        Console.Error.WriteLine(message);
        Environment.Exit(2);
    }

    private static bool IsSet(string name)
    {
        return !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name));
    }

    private static string Required(string name)
    {
        string value = Environment.GetEnvironmentVariable(name) ?? "";
        if (value == "")
        {
            Fail(name + " is not set");
        }
        return value;
    }
}
