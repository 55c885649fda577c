using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Weir.Api;

namespace Weir.Access;

/// <summary>
/// The one place that decides who may do what: every answer of the API begins with <c>var (caller, refusal) = admission.Ask(request, Scope.Read)</c>.
/// Without any key, in development, everybody on this machine may do everything.
/// </summary>
public sealed partial class Admission
{
    /// <summary>For which tenant a caller acts who may act for every one.</summary>
    public const string TenantHeader = "Weir-Tenant";

    private const string KeyHeader = "X-Api-Key";
    private const string Bearer = "Bearer ";

    private readonly ApiKeys keys;
    private readonly EntraPrincipals principals;
    private readonly Caller? anybody;
    private readonly ILogger<Admission> logger;

    /// <exception cref="InvalidOperationException">Nobody could be let in, or everybody would have to be.</exception>
    internal Admission(IConfiguration configuration, IOptions<WeirOptions> options, bool development, ILogger<Admission> logger)
    {
        this.logger = logger;
        keys = new ApiKeys(configuration);
        principals = new EntraPrincipals(configuration);
        if (keys.Any || principals.Enabled)
            return;
        if (!development)
            throw new InvalidOperationException($"Nobody can be let in: configure an API key ({ApiKeys.Section}:<name>) or {EntraPrincipals.Section}:Enabled. Only development runs without.");
        anybody = new Caller("development", tenant: null, Scope.All) { SubmitsFor = options.Value.Tenant, IsAnybody = true };
    }

    /// <summary>Whether a text can be a tenant: it is part of Service Bus session ids, of table keys and of a header.</summary>
    internal static bool IsTenant(string text) => ValidTenant().IsMatch(text);

    /// <summary>Lets a caller in who may do this, or says why not. Exactly one of the two is null.</summary>
    public (Caller? Caller, IResult? Refusal) Ask(HttpRequest request, Scope scope)
    {
        var (caller, presented) = Identify(request);
        if (caller is null)
        {
            if (presented)
                LogUnknown(request.Method, request.HttpContext.Connection.RemoteIpAddress);
            return (null, Problem.Unauthenticated(presented));
        }
        if ((caller.Scopes & scope) != scope)
        {
            LogForbidden(caller.Name, Scopes.Name(scope), request.Method);
            return (null, Problem.Forbidden($"This takes the scope '{Scopes.Name(scope)}', which '{caller.Name}' does not have."));
        }
        return ForTenant(caller, request);
    }

    /// <summary>As <see cref="Ask(HttpRequest, Scope)"/>, for what belongs to a tenant from now on.</summary>
    internal (Caller? Caller, IResult? Refusal) AskToSubmit(HttpRequest request)
    {
        var (caller, refusal) = Ask(request, Scope.Submit);
        return caller is { SubmitsFor: null } ? (null, Problem.TenantMissing(caller.Name)) : (caller, refusal);
    }

    /// <summary>The caller, and whether a credential came at all.</summary>
    private (Caller? Caller, bool Presented) Identify(HttpRequest request)
    {
        if (request.HttpContext.Features.Get<HandedOn>() is { } known)
            return (known.Caller, true);
        if (anybody is not null)
            return (anybody, false);
        if (KeyOf(request) is { } key)
            return (keys.Find(key), true);
        return (principals.Find(request), false);
    }

    /// <summary>A token of another make in Authorization is Entra's business: App Service has read it before us.</summary>
    private static string? KeyOf(HttpRequest request)
    {
        if (request.Headers[KeyHeader] is [{ } key])
            return key;
        return request.Headers.Authorization is [{ } authorization]
            && authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)
            && authorization.AsSpan(Bearer.Length).Trim() is var token
            && token.StartsWith(ApiKeys.Prefix, StringComparison.Ordinal) ? token.ToString() : null;
    }

    private (Caller? Caller, IResult? Refusal) ForTenant(Caller caller, HttpRequest request)
    {
        if (request.Headers[TenantHeader] is not { Count: > 0 } header)
            return (caller, null);
        if (header is not [{ } tenant] || !IsTenant(tenant))
            return (null, Problem.InvalidTenant());
        return caller.Sees(tenant)
            ? (caller with { Tenant = tenant, SubmitsFor = tenant }, null)
            : (null, Problem.Forbidden($"'{caller.Name}' is bound to another tenant than {TenantHeader} names."));
    }

    [GeneratedRegex(@"\A[A-Za-z0-9_-]{1,64}\z")]
    private static partial Regex ValidTenant();

    [LoggerMessage(1500, LogLevel.Warning, "A {Method} request from {Address} came with a key that is none of ours")]
    private partial void LogUnknown(string method, System.Net.IPAddress? address);

    [LoggerMessage(1501, LogLevel.Warning, "'{Caller}' was refused: the scope {Scope} is missing ({Method})")]
    private partial void LogForbidden(string caller, string scope, string method);
}
