using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BlackBox.Tests.BadInput;

/// <summary>An answer as it came over the wire.</summary>
internal sealed record RawAnswer(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);
}

/// <summary>HTTP as bytes: no client would send what is sent here.</summary>
internal static class RawHttp
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <param name="port">On loopback.</param>
    /// <param name="request">All of it; it should ask for the connection to be closed.</param>
    /// <param name="ends">Nothing more is sent after it, which is said at once.</param>
    /// <returns>Null when the connection was closed without an answer.</returns>
    public static async Task<RawAnswer?> SendAsync(int port, ReadOnlyMemory<byte> request, bool ends)
    {
        using var limit = new CancellationTokenSource(Patience);
        using var client = new TcpClient(AddressFamily.InterNetwork);
        await client.ConnectAsync(IPAddress.Loopback, port, limit.Token);
        await using var stream = client.GetStream();
        var sending = WriteAsync(client, stream, request, ends, limit.Token);
        var answer = await ReadAsync(stream, limit.Token);
        await sending;
        return answer;
    }

    private static async Task WriteAsync(TcpClient client, NetworkStream stream, ReadOnlyMemory<byte> request, bool ends, CancellationToken cancellation)
    {
        try
        {
            await stream.WriteAsync(request, cancellation);
            if (ends)
                client.Client.Shutdown(SocketShutdown.Send);
        }
        catch (Exception closed) when (closed is IOException or SocketException)
        {
            // Refused before it was all sent: the answer is what counts.
        }
    }

    public static async Task<RawAnswer?> ReadAsync(NetworkStream stream, CancellationToken cancellation)
    {
        var received = new MemoryStream();
        try
        {
            await stream.CopyToAsync(received, cancellation);
        }
        catch (Exception reset) when (reset is IOException or SocketException)
        {
            // What came before counts.
        }
        return Parse(received.ToArray());
    }

    private static RawAnswer? Parse(ReadOnlySpan<byte> bytes)
    {
        while (true)
        {
            var end = bytes.IndexOf("\r\n\r\n"u8);
            if (end < 0)
                return null;
            var lines = Encoding.Latin1.GetString(bytes[..end]).Split("\r\n");
            var status = int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture);
            bytes = bytes[(end + 4)..];
            if (status == 100)
                continue;
            var headers = lines[1..].Select(line => line.Split(": ", 2)).GroupBy(line => line[0], StringComparer.OrdinalIgnoreCase)
                .ToDictionary(group => group.Key, group => string.Join(", ", group.Select(line => line[^1])), StringComparer.OrdinalIgnoreCase);
            return new RawAnswer(status, headers, headers.GetValueOrDefault("Transfer-Encoding") == "chunked" ? Unchunked(bytes) : bytes.ToArray());
        }
    }

    private static byte[] Unchunked(ReadOnlySpan<byte> bytes)
    {
        var body = new List<byte>();
        while (bytes.IndexOf("\r\n"u8) is var end and > 0)
        {
            var length = int.Parse(Encoding.ASCII.GetString(bytes[..end]), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            if (length == 0)
                break;
            body.AddRange(bytes.Slice(end + 2, length));
            bytes = bytes[(end + 2 + length + 2)..];
        }
        return [.. body];
    }
}
