// A partner's receiver of webhooks for .NET 8 or newer, with nothing to install: is this one from the service, and is it
// new? Prints "valid" (exit status 0), "valid: seen before" (0: answer 200 and do nothing), or "invalid: " and why (1).
//
//   WEBHOOK_SECRET=whsec_... WEBHOOK_ID=... WEBHOOK_TIMESTAMP=... WEBHOOK_SIGNATURE=v1,... \
//   [SEEN=ids.txt] [NOW=1795441036] dotnet run Verify.cs < body
//   WEBHOOK_SECRET   while it is rotated, both secrets with a space between them
//   SEEN             a file with the ids of webhooks that were taken before
//   NOW              the time in unix seconds, for tests
//
// Only v1 signatures: .NET has no Ed25519 of its own, which v1a needs.
// .NET 10 and newer run the file as it is; for .NET 8 and 9 make it the Program.cs of `dotnet new console`.
using System;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

public static class Verify
{
    private const long Tolerance = 300;

    public static int Main()
    {
        string[] secrets = Variable("WEBHOOK_SECRET").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (secrets.Length == 0 || !secrets.All(secret => secret.StartsWith("whsec_", StringComparison.Ordinal)))
        {
            Console.Error.WriteLine("WEBHOOK_SECRET is not one or more whsec_ secrets");
            return 2;
        }
        long now = Variable("NOW") == "" ? DateTimeOffset.UtcNow.ToUnixTimeSeconds() : long.Parse(Variable("NOW"));
        string id = Variable("WEBHOOK_ID");
        string why = Fault(secrets, id, Variable("WEBHOOK_TIMESTAMP"), Variable("WEBHOOK_SIGNATURE"), ReadBody(), now);
        if (why != "")
        {
            Console.WriteLine("invalid: " + why);
            return 1;
        }
        Console.WriteLine(SeenBefore(id) ? "valid: seen before" : "valid");
        return 0;
    }

    /// <summary>Why the webhook is refused; empty if it is not.</summary>
    private static string Fault(string[] secrets, string id, string timestamp, string header, byte[] body, long now)
    {
        if (id == "" || timestamp == "" || header == "")
        {
            return "a header is missing";
        }
        // 1. The time, or whoever has a copy could send it for ever.
        if (timestamp.Length > 11 || !timestamp.All(digit => digit >= '0' && digit <= '9'))
        {
            return "webhook-timestamp is not in unix seconds";
        }
        long age = now - long.Parse(timestamp);
        if (age > Tolerance)
        {
            return "webhook-timestamp is too old";
        }
        if (age < -Tolerance)
        {
            return "webhook-timestamp is in the future";
        }
        // 2. The signatures: one by one of these secrets is enough. Those of other versions are for others.
        byte[] signed = Encoding.UTF8.GetBytes(id + "." + timestamp + ".").Concat(body).ToArray();
        foreach (string signature in header.Split(' '))
        {
            foreach (string secret in secrets)
            {
                byte[] key = Convert.FromBase64String(secret.Substring("whsec_".Length));
                string right = "v1," + Convert.ToBase64String(HMACSHA256.HashData(key, signed));
                // Not ==, whose duration tells how much of a guess is right.
                if (CryptographicOperations.FixedTimeEquals(
                        Encoding.UTF8.GetBytes(signature), Encoding.UTF8.GetBytes(right)))
                {
                    return "";
                }
            }
        }
        return "no signature matches";
    }

    /// <summary>The bytes as they came in: parsed and written again, the same JSON has another signature.</summary>
    private static byte[] ReadBody()
    {
        using (Stream input = Console.OpenStandardInput())
        using (var body = new MemoryStream())
        {
            input.CopyTo(body);
            return body.ToArray();
        }
    }

    /// <summary>
    /// Remembers the id. A service keeps ids in its database under a unique index, with what the webhook made it do.
    /// </summary>
    private static bool SeenBefore(string id)
    {
        string seen = Variable("SEEN");
        if (seen == "")
        {
            return false;
        }
        if (File.Exists(seen) && File.ReadAllLines(seen).Contains(id))
        {
            return true;
        }
        File.AppendAllText(seen, id + "\n");
        return false;
    }

    private static string Variable(string name)
    {
        return Environment.GetEnvironmentVariable(name) ?? "";
    }
}
