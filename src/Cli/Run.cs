using System.CommandLine;
using System.Text.Json;

namespace Cli;

/// <summary>One command while it runs: its arguments, the server it speaks to, and where its answer goes.</summary>
internal sealed class Run(ParseResult parsed, Surroundings surroundings, Globals globals) : IDisposable
{
    private WeirServer? server;

    public Screen Screen { get; } = new(surroundings, parsed.GetValue(globals.Json));

    public Surroundings Surroundings => surroundings;

    public string? Tenant => parsed.GetValue(globals.Tenant) ?? Setting("WEIR_TENANT");

    public WeirServer Server => server ??= Open(16);

    public T? Get<T>(Option<T> option) => parsed.GetValue(option);

    public T Get<T>(Argument<T> argument) => parsed.GetValue(argument)!;

    public bool Has(Option option) => parsed.GetResult(option) is { Implicit: false };

    /// <exception cref="UsageException">The address is none, or the key would travel in the open.</exception>
    public WeirServer Open(int connections)
    {
        var text = parsed.GetValue(globals.Server) ?? Setting("WEIR_SERVER") ?? Globals.LocalServer;
        if (!Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.UserInfo.Length > 0 || address.Query.Length > 0)
            throw new UsageException("The server is an address such as http://localhost:7071 or https://weir.example.org, without user or password.");
        var key = parsed.GetValue(globals.Key) ?? Setting("WEIR_KEY");
        if (key is not null && (key.Length == 0 || key.Any(one => one is <= ' ' or > '~')))
            throw new UsageException("The key is none: it has characters that no key has.");
        if (key is not null && address.Scheme == "http" && !address.IsLoopback)
            throw new UsageException($"The key would travel readable to {address.Host}: use https.");
        return new WeirServer(address, key, Tenant, connections);
    }

    /// <summary>JSON that is given as it is, as the name of a file with @ before it, or as - for the standard input.</summary>
    public async Task<JsonElement?> JsonAsync(string? text, string what, CancellationToken cancellation)
    {
        if (text is null)
            return null;
        try
        {
            var json = text switch
            {
                "-" => await surroundings.In.ReadToEndAsync(cancellation),
                ['@', .. var file] => await File.ReadAllTextAsync(file, cancellation),
                _ => text,
            };
            return JsonElement.Parse(json);
        }
        catch (JsonException malformed)
        {
            throw new UsageException($"{what} is not JSON: {malformed.Message}");
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{what} cannot be read: {unreadable.Message}");
        }
    }

    /// <summary>Follows cursors until there are so many items or no further page: a page may be short, even empty, and not the last.</summary>
    public async Task<JsonElement> PagesAsync(string name, int limit, int mostOfAPage, Func<int, string?, string> path, string? cursor, CancellationToken cancellation)
    {
        const int MostPages = 10_000;
        var items = new List<JsonElement>();
        for (var page = 0; page < MostPages && items.Count < limit; page++)
        {
            var answer = (await Server.GetAsync(path(Math.Min(limit - items.Count, mostOfAPage), cursor), cancellation)).Body;
            items.AddRange(answer.Items(name));
            cursor = answer.Text("cursor");
            if (cursor is null)
                break;
        }
        return Json.Of(cursor is null ? new Dictionary<string, object> { [name] = items } : new Dictionary<string, object> { [name] = items, ["cursor"] = cursor });
    }

    public void Dispose() => server?.Dispose();

    private string? Setting(string name) => surroundings.Variable(name) is { Length: > 0 } value ? value : null;

    public int Fail(Exception failure)
    {
        var (code, document) = failure switch
        {
            RefusedException refused => (refused.ExitCode, refused.RetryAfter is { } wait ? WithRetryAfter(refused.Problem, wait) : refused.Problem),
            UsageException usage => (ExitCode.Usage, Json.Of(new { title = "The command line makes no sense", detail = usage.Message, code = "usage" })),
            NotReachableException nobody => (ExitCode.NotReachable, Json.Of(new { title = "No server answers", detail = nobody.Message, code = "notReachable" })),
            _ => (ExitCode.Interrupted, Json.Of(new { title = "Interrupted", detail = "The command was stopped before its end.", code = "interrupted" })),
        };
        if (Screen.IsJson)
            Screen.Show(Json.Of(new { error = document }), _ => { });
        else
            Problem(document);
        return code;
    }

    private void Problem(JsonElement problem)
    {
        Screen.Note($"{problem.Text("title") ?? "It was refused"}: {problem.Text("detail") ?? "no detail"} ({problem.Text("code") ?? "no code"})");
        foreach (var error in problem.Member("errors") is { ValueKind: JsonValueKind.Object } errors ? errors.EnumerateObject() : [])
            Screen.Note($"  {(error.Name.Length == 0 ? "/" : error.Name)}: {Screen.Cell(error.Value)}");
        foreach (var name in new[] { "reason", "queue", "pressure", "estimatedWait" })
        {
            if (problem.Member(name) is { } value)
                Screen.Note($"  {name}: {Screen.Cell(value)}");
        }
        if (problem.Member("retryAfter") is { } wait)
            Screen.Note($"  Try again in {wait} s.");
    }

    private static JsonElement WithRetryAfter(JsonElement problem, TimeSpan wait)
    {
        var members = problem.ValueKind == JsonValueKind.Object ? problem.EnumerateObject().ToDictionary(member => member.Name, object (member) => member.Value) : [];
        members["retryAfter"] = (int)wait.TotalSeconds;
        return Json.Of(members);
    }
}
