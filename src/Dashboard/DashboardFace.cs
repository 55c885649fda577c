using Dashboard.Actions;
using Dashboard.Drawing;
using Dashboard.Reading;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weir;
using Weir.Access;

namespace Dashboard;

/// <summary>The HTTP face of the pages: GET shows, POST does. Who may see what is for the API's own faces to say, which everything here asks.</summary>
public sealed partial class DashboardFace
{
    private const string Home = "/dashboard";
    private const string SignInPath = "sign-in";
    private const string SignOutPath = "sign-out";

    private readonly BrowserSessions sessions;
    private readonly Admission admission;
    private readonly Contents pages;
    private readonly Deeds deeds;
    private readonly Artist artist;
    private readonly TimeProvider clock;
    private readonly ILogger<DashboardFace> logger;

    internal DashboardFace(BrowserSessions sessions, Admission admission, Contents pages, Deeds deeds, Artist artist, TimeProvider clock, ILogger<DashboardFace> logger) =>
        (this.sessions, this.admission, this.pages, this.deeds, this.artist, this.clock, this.logger) = (sessions, admission, pages, deeds, artist, clock, logger);

    /// <summary>GET /dashboard/{path}</summary>
    public Task<IResult> ShowAsync(HttpRequest request, string? path, CancellationToken cancellation) => GuardAsync(request, async () =>
    {
        path = (path ?? "").Trim('/');
        if (path.StartsWith("assets/", StringComparison.Ordinal))
            return AssetFiles.Find(path["assets/".Length..], request.HttpContext.Response) ?? Results.NotFound();
        if (path == SignInPath)
            return await SignInPageAsync(request, isWrong: false);
        if (await sessions.FindAsync(request.HttpContext, cancellation) is not { } session)
            return ToSignIn(request);
        if ((session.Caller.Scopes & Scope.Read) == 0)
            return await DrawAsync(request, Contents.Problem(Visit(), Forbidden(session.Caller, "read"), Home), session, path);
        return await pages.ReadAsync(Visit(), Segments(path)) is { } drawn
            ? await DrawAsync(request, drawn, session, path)
            : await DrawAsync(request, Contents.Problem(Visit(), NoSuchPage(), Home), session, path);

        Visit Visit() => new(request.HttpContext, session, clock.GetUtcNow(), cancellation);
    });

    /// <summary>POST /dashboard/{path}</summary>
    public Task<IResult> ActAsync(HttpRequest request, string? path, CancellationToken cancellation) => GuardAsync(request, async () =>
    {
        path = (path ?? "").Trim('/');
        // Browsers say where a form stands; one of another site is refused even where its visitor is nobody in particular.
        if (request.Headers["Sec-Fetch-Site"] is [{ } site] && site is not ("same-origin" or "none"))
            return Results.Text("This form does not come from a page of this dashboard.", statusCode: StatusCodes.Status403Forbidden);
        var (form, problem) = await Form.ReadAsync(request, cancellation);
        if (form is null)
            return problem!;
        if (path == SignInPath)
            return await SignInAsync(request, form, cancellation);
        if (await sessions.FindAsync(request.HttpContext, cancellation) is not { } session)
            return ToSignIn(request);

        var visit = new Visit(request.HttpContext, session, clock.GetUtcNow(), cancellation);
        if (!BrowserSessions.IsGenuine(session, form["token"]))
        {
            LogForged(session.Caller.Name, path);
            return await DrawAsync(request, Contents.Problem(visit, Stale(), form.Back), session, path);
        }
        if (path == SignOutPath)
        {
            BrowserSessions.SignOut(request.HttpContext);
            return See($"{Home}/{SignInPath}");
        }
        if ((session.Caller.Scopes & Scope.Operate) == 0)
            return await DrawAsync(request, Contents.Problem(visit, Forbidden(session.Caller, "operate"), form.Back), session, path);
        var outcome = await deeds.DoAsync(visit, Segments(path), form);
        if (outcome is { Next: { } next })
        {
            LogDone(session.Caller.Name, path);
            return See(next);
        }
        return await DrawAsync(request, outcome?.Page ?? Contents.Problem(visit, NoSuchPage(), Home), session, path);
    });

    private async Task<IResult> DrawAsync(HttpRequest request, Drawn drawn, BrowserSession session, string path)
    {
        var view = new View(drawn.Title, Segments(path).FirstOrDefault() switch { null => "", "replays" => "dead-letters", var section => section }, View.SelfOf(request), session, clock.GetUtcNow())
        {
            Did = request.Query["did"] is [{ Length: <= 40 } did] ? did : null,
            IsRenewal = request.Headers["HX-Request"] == "true",
        };
        return Html(await drawn.AsHtml(artist, view), drawn.Status);
    }

    private async Task<IResult> SignInPageAsync(HttpRequest request, bool isWrong)
    {
        var view = new View("Sign in", "", request.Path, Session: null, clock.GetUtcNow());
        var model = new SignInModel(ReturnOf(request.Query["return"]), isWrong, admission.TakesKeys, admission.IsOpen);
        return Html(await artist.DrawAsync<Dashboard.Pages.SignInPage, SignInModel>(view, model), isWrong ? StatusCodes.Status401Unauthorized : StatusCodes.Status200OK);
    }

    private async Task<IResult> SignInAsync(HttpRequest request, Form form, CancellationToken cancellation)
    {
        if (form["key"] is not { Length: <= 200 } key || await sessions.SignInAsync(request.HttpContext, key.Trim(), cancellation) is not { } caller)
        {
            LogWrongKey(request.HttpContext.Connection.RemoteIpAddress);
            return await SignInPageAsync(request, isWrong: true);
        }
        LogSignedIn(caller.Name);
        return See(ReturnOf(form["return"]));
    }

    private static IResult ToSignIn(HttpRequest request)
    {
        var address = $"{Home}/{SignInPath}{QueryString.Create("return", HttpMethods.IsGet(request.Method) ? View.SelfOf(request) : Home)}";
        if (request.Headers["HX-Request"] != "true")
            return See(address);
        request.HttpContext.Response.Headers["HX-Redirect"] = address;
        return Results.StatusCode(StatusCodes.Status401Unauthorized);
    }

    /// <summary>Only to a page of ours.</summary>
    private static string ReturnOf(string? address) =>
        address is { Length: <= 2_000 } && (address == Home || address.StartsWith($"{Home}/", StringComparison.Ordinal) || address.StartsWith($"{Home}?", StringComparison.Ordinal)) && !address.Any(char.IsControl) && !address.Contains('\\', StringComparison.Ordinal)
            ? address : Home;

    private static string[] Segments(string path) => path.Length == 0 ? [] : [.. path.Split('/')];

    private static IResult Html(string html, int status) => Results.Text(html, "text/html; charset=utf-8", statusCode: status);

    /// <summary>303: whatever came, what follows is a GET.</summary>
    private static IResult See(string address) => new SeeOther(address);

    private static Microsoft.AspNetCore.Mvc.ProblemDetails Forbidden(Caller caller, string scope) => new()
    {
        Status = StatusCodes.Status403Forbidden,
        Title = "You may not do this",
        Detail = $"This takes the scope '{scope}', which '{caller.Name}' does not have. Whoever looks after the settings (Weir:Keys, or the roles in Entra ID) can give it.",
    };

    private static Microsoft.AspNetCore.Mvc.ProblemDetails NoSuchPage() => new() { Status = StatusCodes.Status404NotFound, Title = "There is no such page", Detail = "The menu has all there are." };

    private static Microsoft.AspNetCore.Mvc.ProblemDetails Stale() => new()
    {
        Status = StatusCodes.Status403Forbidden,
        Title = "The form is too old",
        Detail = "It was made before you signed in, or for somebody else, so nothing was done. Go back, reload the page, and send it again.",
    };

    private async Task<IResult> GuardAsync(HttpRequest request, Func<Task<IResult>> answer)
    {
        var headers = request.HttpContext.Response.Headers;
        headers.ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
        try
        {
            return await answer();
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogStoreAway(away, request.Path);
            return Results.Text("A store behind the service did not answer. Reload the page in a moment.", statusCode: StatusCodes.Status503ServiceUnavailable);
        }
    }

    [LoggerMessage(3700, LogLevel.Information, "'{Caller}' signed in at the dashboard")]
    private partial void LogSignedIn(string caller);

    [LoggerMessage(3701, LogLevel.Warning, "Somebody at {Address} tried to sign in at the dashboard with a key that is none of ours")]
    private partial void LogWrongKey(System.Net.IPAddress? address);

    [LoggerMessage(3702, LogLevel.Warning, "A form of '{Caller}' for {Path} came without the token of his session, and was refused")]
    private partial void LogForged(string caller, string path);

    [LoggerMessage(3703, LogLevel.Information, "'{Caller}' did {Path} at the dashboard")]
    private partial void LogDone(string caller, string path);

    [LoggerMessage(3704, LogLevel.Error, "The page {Path} could not be shown: a store did not answer")]
    private partial void LogStoreAway(Exception failure, string path);

    private sealed class SeeOther(string address) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            (httpContext.Response.StatusCode, httpContext.Response.Headers.Location) = (StatusCodes.Status303SeeOther, address);
            return Task.CompletedTask;
        }
    }
}

/// <param name="Return">Where he wanted to go.</param>
internal sealed record SignInModel(string Return, bool IsWrong, bool TakesKeys, bool IsOpen);
