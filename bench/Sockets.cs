using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Bench;

/// <summary>
/// An HTTP/1.1 connection that does no more than a client must: the client shares the cores with what is measured, and HttpClient would cost more than the server.
/// </summary>
internal sealed class Connection : IDisposable
{
    private readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] buffer = new byte[1 << 20];

    public static async Task<Connection> OpenAsync(int port)
    {
        var connection = new Connection();
        await connection.socket.ConnectAsync(IPAddress.Loopback, port);
        return connection;
    }

    /// <summary>Posts and returns the answer's status line and body.</summary>
    public async Task<(int Status, string Body)> PostAsync(string path, string contentType, byte[] body)
    {
        var head = Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {contentType}\r\nContent-Length: {body.Length}\r\n\r\n");
        await socket.SendAsync((byte[])[.. head, .. body]);
        var length = 0;
        while (true)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(length));
            Check.That(read > 0, "the server keeps the connection");
            length += read;
            if (Whole(buffer.AsSpan(0, length)) is { } answer)
                return answer;
        }
    }

    public void Dispose() => socket.Dispose();

    private static (int Status, string Body)? Whole(ReadOnlySpan<byte> answer)
    {
        var end = answer.IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return null;
        var head = Encoding.ASCII.GetString(answer[..end]);
        var body = answer[(end + 4)..];
        if (head.Contains("Transfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase))
            return body.EndsWith("0\r\n\r\n"u8) ? (Status(head), Encoding.UTF8.GetString(body)) : null;
        var at = head.IndexOf("Content-Length: ", StringComparison.OrdinalIgnoreCase) + "Content-Length: ".Length;
        var stop = head.IndexOf('\r', at);
        return body.Length >= int.Parse(stop < 0 ? head[at..] : head[at..stop]) ? (Status(head), Encoding.UTF8.GetString(body)) : null;
    }

    private static int Status(string head) => int.Parse(head.AsSpan("HTTP/1.1 ".Length, 3));
}

internal static class Sockets
{
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public static byte[] Submission(string type, BenchPayload payload) => JsonSerializer.SerializeToUtf8Bytes(new { type, payload }, JsonSerializerOptions.Web);
}
