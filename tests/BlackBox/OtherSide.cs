using System.Net;

namespace BlackBox.Tests;

/// <summary>A real HTTP server on a free port of every interface, which answers one request after the other.</summary>
internal sealed class OtherSide : IAsyncDisposable
{
    private readonly HttpListener listener = new();
    private readonly Func<HttpListenerContext, Task> answer;
    private readonly Task serving;

    /// <param name="answer">Reads the request and fills the response, which is then sent.</param>
    public OtherSide(Func<HttpListenerContext, Task> answer)
    {
        this.answer = answer;
        Port = WeirProcess.FreePort();
        listener.Prefixes.Add($"http://*:{Port}/");
        listener.Start();
        serving = ServeAsync();
    }

    public int Port { get; }

    public async ValueTask DisposeAsync()
    {
        listener.Stop();
        await serving;
        listener.Close();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await listener.GetContextAsync();
            }
            catch (Exception stopped) when (stopped is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
            await answer(context);
            context.Response.Close();
        }
    }
}
