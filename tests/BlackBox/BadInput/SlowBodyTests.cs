using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BlackBox.Tests.BadInput;

/// <summary>A body that trickles in is waited for, but not for ever.</summary>
public sealed class SlowBodyTests
{
    [Theory]
    [InlineData(1, 100)] // ten bytes a second: slower than the server waits for, whatever the setting
    [InlineData(200, 100)] // 2,000 a second: fast enough for the server, too slow for the setting
    public async Task A_body_that_trickles_in_is_given_up(int bytes, int everyMilliseconds)
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data, ("Weir__BodyTimeout", "00:00:03"));
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, weir.Port);
        await using var stream = client.GetStream();
        using var limit = new CancellationTokenSource(RawHttp.Patience);
        await stream.WriteAsync("POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"u8.ToArray(), limit.Token);

        var began = Stopwatch.GetTimestamp();
        var reading = RawHttp.ReadAsync(stream, limit.Token);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(everyMilliseconds));
        try
        {
            while (!reading.IsCompleted && await timer.WaitForNextTickAsync(limit.Token))
                await stream.WriteAsync(Encoding.ASCII.GetBytes(new string(' ', bytes)), limit.Token);
        }
        catch (IOException)
        {
            // The server has closed.
        }
        var answer = await reading;
        Assert.Equal((408, "application/problem+json"), (answer?.Status, answer?.Headers.GetValueOrDefault("Content-Type")));
        Assert.Contains("\"code\":\"bodyTooSlow\"", answer!.Text);
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 2, 20);
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(await weir.Http.SubmitAsync("probe", new { note = "after" }))).GetProperty("state").GetString());
    }
}
