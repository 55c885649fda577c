using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BlackBox.Tests.BadInput;

/// <summary>
/// Requests that lie about themselves. Most of them are refused by the server before the app sees them, with an empty body or by closing the connection (docs/http-api.md
/// lists which); what reaches the app gets a problem. None takes anything down, or hangs.
/// </summary>
public sealed class FramingTests(OneInstance weir) : IClassFixture<OneInstance>
{
    private const string Post = "POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n";
    private const string Good = """{"type": "probe", "payload": {"effect": "framed"}}""";

    /// <summary>What the server answers of itself.</summary>
    private static readonly int[] OfTheServer = [400, 405, 408, 411, 413, 414, 417, 421, 431, 501, 505];

    private int Port => weir.Http.BaseAddress!.Port;

    [Fact]
    public async Task A_request_that_is_framed_wrong_is_refused_and_breaks_nothing()
    {
        var wrong = new List<string>();
        foreach (var (name, request) in Lies())
        {
            var answer = await RawHttp.SendAsync(Port, Encoding.Latin1.GetBytes(request), ends: true);
            if (answer is not null && (answer.Headers.ContainsKey("X-Injected") || answer.Text.Contains("   at ", StringComparison.Ordinal) || !IsRefusal(answer)))
                wrong.Add($"{name}: {answer.Status} {answer.Text}");
        }
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
        await weir.Http.FinalAsync(await weir.Http.SubmitAsync("probe", new { effect = "behind" }));
        Assert.Equal(0, (await weir.Http.EffectsAsync("framed")).GetProperty("starts").GetInt32());
    }

    [Theory]
    [InlineData("zz\r\n{}\r\n0\r\n\r\n")]
    [InlineData("-5\r\n{}\r\n0\r\n\r\n")]
    [InlineData("FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n")]
    [InlineData("2\r\n{}garbage\r\n0\r\n\r\n")]
    public async Task Chunks_that_are_none_are_a_problem(string chunks)
    {
        var answer = await RawHttp.SendAsync(Port, Encoding.Latin1.GetBytes(Post + "Transfer-Encoding: chunked\r\n\r\n" + chunks), ends: false);
        Assert.Equal((400, "application/problem+json"), (answer!.Status, answer.Headers.GetValueOrDefault("Content-Type")));
        Assert.Contains("\"code\":\"brokenBody\"", answer.Text);
    }

    [Fact]
    public async Task A_chunked_body_without_an_end_is_cut_off_at_its_limit()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port);
        await using var stream = client.GetStream();
        using var limit = new CancellationTokenSource(RawHttp.Patience);
        await stream.WriteAsync(Encoding.Latin1.GetBytes(Post + "Transfer-Encoding: chunked\r\n\r\n"), limit.Token);
        var reading = RawHttp.ReadAsync(stream, limit.Token);
        var chunk = Encoding.Latin1.GetBytes("8000\r\n" + new string(' ', 0x8000) + "\r\n");
        var sent = 0;
        try
        {
            for (; !reading.IsCompleted && sent < 8 * 1024 * 1024; sent += chunk.Length)
                await stream.WriteAsync(chunk, limit.Token);
        }
        catch (IOException)
        {
            // The server has closed.
        }
        var answer = await reading; // the server hears the rest out for five seconds
        Assert.True(answer is null || (answer.Status == 413 && answer.Text.Contains("bodyTooLarge", StringComparison.Ordinal)), $"{answer?.Status} {answer?.Text}");
    }

    [Fact]
    public async Task A_promise_of_a_large_body_sets_no_memory_aside()
    {
        var open = new List<TcpClient>();
        try
        {
            var before = ResidentBytes();
            for (var count = 0; count < 200; count++)
            {
                var client = new TcpClient();
                open.Add(client);
                await client.ConnectAsync(IPAddress.Loopback, Port);
                await client.GetStream().WriteAsync(Encoding.Latin1.GetBytes("POST /api/jobs/bulk HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 16777216\r\n\r\n{"));
            }
            // Answered behind them, so they have been seen.
            await weir.Http.FinalAsync(await weir.Http.SubmitAsync("probe", new { note = "meanwhile" }));
            var growth = ResidentBytes() - before;
            Assert.True(growth < 200L * 1024 * 1024, $"{growth:N0} bytes for 200 promises of 16 MiB."); // were they believed, 3.3 GB
        }
        finally
        {
            open.ForEach(client => client.Dispose());
        }
    }

    private static bool IsRefusal(RawAnswer answer) =>
        answer.Headers.GetValueOrDefault("Content-Type") == "application/problem+json" ? answer.Status is >= 400 and < 500 && answer.Text.Contains("\"code\":", StringComparison.Ordinal)
        : OfTheServer.Contains(answer.Status) && answer.Body.Length == 0;

    private long ResidentBytes()
    {
        using var process = System.Diagnostics.Process.GetProcessById(weir.ProcessId);
        return process.WorkingSet64;
    }

    private static IEnumerable<(string Name, string Request)> Lies()
    {
        static string Sized(int length) => string.Create(CultureInfo.InvariantCulture, $"{Post}Content-Length: {length}\r\n");
        var size = Good.Length;
        yield return ("longer than its Content-Length", $"{Sized(size - 10)}\r\n{Good}");
        yield return ("shorter than its Content-Length", $"{Sized(size + 10)}\r\n{Good}");
        yield return ("two lengths", $"{Sized(size)}Content-Length: 3\r\n\r\n{Good}");
        yield return ("a negative length", $"{Sized(-1)}\r\n{Good}");
        yield return ("a length over 2^63", $"{Post}Content-Length: 9223372036854775808\r\n\r\n{Good}");
        yield return ("a length of 2^63-1", $"{Post}Content-Length: 9223372036854775807\r\n\r\n{Good}");
        yield return ("a length that is a word", $"{Post}Content-Length: many\r\n\r\n{Good}");
        yield return ("an unknown transfer coding", $"{Post}Transfer-Encoding: gzip\r\n\r\n{Good}");
        yield return ("chunked twice", $"{Post}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n");
        yield return ("a body cut off in a chunk", $"{Post}Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{Good[..10]}");
        yield return ("a header without a colon", $"{Sized(size)}nonsense\r\n\r\n{Good}");
        yield return ("a space before the colon", $"{Sized(size)}X-Key : 1\r\n\r\n{Good}");
        yield return ("a folded header", $"{Sized(size)}X-Key: 1\r\n folded\r\n\r\n{Good}");
        yield return ("a NUL in a header", $"{Sized(size)}Idempotency-Key: a\0b\r\n\r\n{Good}");
        yield return ("a bare CR in a header", $"{Sized(size)}Idempotency-Key: a\rX-Injected: yes\r\n\r\n{Good}");
        yield return ("a header name that is none", $"{Sized(size)}X(Key): 1\r\n\r\n{Good}");
        yield return ("bytes over 127 in a key", $"{Sized(size)}Idempotency-Key: \xff\xfe\r\n\r\n{Good}");
        yield return ("a header of 64 KiB", $"{Sized(size)}X-Long: {new string('x', 65_536)}\r\n\r\n{Good}");
        yield return ("300 headers", $"{Sized(size)}{string.Concat(Enumerable.Range(0, 300).Select(number => $"X-{number}: 1\r\n"))}\r\n{Good}");
        yield return ("a path of 64 KiB", $"GET /api/jobs/{new string('x', 65_536)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        yield return ("a query of 64 KiB", $"GET /api/jobs?type={new string('x', 65_536)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        yield return ("a NUL in the path", "GET /api/jobs/%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        yield return ("a raw NUL in the path", "GET /api/jobs/\0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        yield return ("raw bytes in the path", "GET /api/jobs/\xff\xfe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        yield return ("no path", "GET  HTTP/1.1\r\nHost: localhost\r\n\r\n");
        yield return ("no slash", "GET api/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n");
        yield return ("a method of bytes", "G\x01T /api/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n");
        yield return ("a method of 10,000 letters", $"{new string('G', 10_000)} /api/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n");
        yield return ("HTTP/9.9", "GET /api/jobs HTTP/9.9\r\nHost: localhost\r\n\r\n");
        yield return ("HTTP/0.9", "GET /api/jobs\r\n\r\n");
        yield return ("no host", "GET /api/jobs HTTP/1.1\r\nConnection: close\r\n\r\n");
        yield return ("two hosts", "GET /api/jobs HTTP/1.1\r\nHost: localhost\r\nHost: other\r\nConnection: close\r\n\r\n");
        yield return ("a host that is none", "GET /api/jobs HTTP/1.1\r\nHost: a b/c\r\nConnection: close\r\n\r\n");
        yield return ("CONNECT", "CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n");
        yield return ("OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        yield return ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        yield return ("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
        yield return ("nothing", "");
        yield return ("an empty line", "\r\n\r\n");
        yield return ("an expectation that nobody meets", $"{Sized(size)}Expect: 200-maybe\r\n\r\n{Good[..5]}");
    }
}
