// A partner's client for .NET 8 or newer, with nothing to install: log in, sign, create one sales order.
// Prints the HTTP status, then the body, of the last answer.
//
//   BASE_URL=http://127.0.0.1:8080 CLIENT_ID=versuni-client-001 CLIENT_SECRET=... \
//   PRIVATE_KEY=private.pem BODY=order.json [IDEMPOTENCY_KEY=...] [BODY_BOUND=1 [KEY_BOUND=1]] dotnet run Partner.cs
//
// .NET 10 and newer run the file as it is; for .NET 8 and 9 make it the Program.cs of `dotnet new console`.
using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Tasks;

public static class Partner
{
    private const string OrdersPath = "/api/v1/sales-orders";

    private static readonly HttpClient Http = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };

    public static async Task Main()
    {
        string clientId = Required("CLIENT_ID");

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

        // 2. The signature. The body stays bytes: what is hashed is exactly what is sent.
        byte[] body = File.ReadAllBytes(Required("BODY"));
        string timestamp = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString();
        string stringToSign = IsSet("BODY_BOUND")
            ? "POST:" + OrdersPath + ":" + Convert.ToHexString(SHA256.HashData(body)).ToLowerInvariant() + ":" + timestamp
            : clientId + "|" + timestamp;
        if (IsSet("BODY_BOUND") && IsSet("KEY_BOUND"))
        {
            stringToSign += ":" + Required("IDEMPOTENCY_KEY");
        }

        // 3. The order.
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
        (status, answer) = await Post(OrdersPath, headers, body);
        Show(status, answer);
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

    private static async Task<(int, string)> Post(string path, Dictionary<string, string> headers, byte[] body)
    {
        using (var request = new HttpRequestMessage(HttpMethod.Post, Required("BASE_URL") + path))
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
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

    private static bool IsSet(string name)
    {
        return !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name));
    }

    private static string Required(string name)
    {
        string value = Environment.GetEnvironmentVariable(name) ?? "";
        if (value == "")
        {
            Console.Error.WriteLine(name + " is not set");
            Environment.Exit(2);
        }
        return value;
    }
}
