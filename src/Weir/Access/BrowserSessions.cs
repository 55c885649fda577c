using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Weir.Access;

/// <summary>Who looks at a page, and the token that his forms must bring back.</summary>
/// <param name="SignedIn">He came by a key at the sign-in page, and can sign out.</param>
internal sealed record BrowserSession(Caller Caller, string Token, bool SignedIn, DateTimeOffset? Until);

/// <summary>
/// Sessions of browsers. Nothing is kept of one: its cookie says whose it is and until when, signed with the deployment's secret and the key's hash, so that every
/// instance can check it and it ends when the key is taken out of the settings. The key itself is not in it. Who needs no key (development, Entra ID) gets a
/// cookie that only his anti-forgery token hangs on.
/// </summary>
internal sealed class BrowserSessions(Admission admission, SessionSecretTable secrets, TimeProvider clock)
{
    /// <summary>A working day: an operator signs in once a shift.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromHours(8);

    public const string CookieName = "weir-dashboard";
    public const string CookiePath = "/dashboard";

    private const string Signed = "key";
    private const string Anonymous = "form";
    private const int MaxCookie = 1_024;

    /// <summary>The session of a request; null when somebody has to sign in first. Sets a cookie where a visitor without one needs it for his forms.</summary>
    public async Task<BrowserSession?> FindAsync(HttpContext context, CancellationToken cancellation)
    {
        var secret = await secrets.ReadAsync(cancellation);
        var cookie = context.Request.Cookies[CookieName];
        if (Read(cookie, Signed, secret) is var (caller, until) && caller is not null)
            return new BrowserSession(caller, TokenOf(cookie!, caller, secret), SignedIn: true, until);
        if (admission.Direct(context.Request) is not { } direct)
            return null;
        if (Read(cookie, Anonymous, secret) is null)
        {
            cookie = Write(Anonymous, direct.Name, clock.GetUtcNow() + Life, secret, []);
            Set(context, cookie);
        }
        return new BrowserSession(direct, TokenOf(cookie!, direct, secret), SignedIn: false, Until: null);
    }

    /// <summary>Signs the owner of a key in; null when it is nobody's.</summary>
    public async Task<Caller?> SignInAsync(HttpContext context, string key, CancellationToken cancellation)
    {
        if (admission.OwnerOf(key) is not { } caller || admission.Named(caller.Name) is not var (_, hash))
            return null;
        Set(context, Write(Signed, caller.Name, clock.GetUtcNow() + Life, await secrets.ReadAsync(cancellation), hash));
        return caller;
    }

    public static void SignOut(HttpContext context) => context.Response.Cookies.Delete(CookieName, Options(context));

    /// <summary>Whether a form was made by a page of this session. Takes the same time whatever is wrong.</summary>
    public static bool IsGenuine(BrowserSession session, string? token) =>
        token is { Length: <= MaxCookie } && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(token), Encoding.UTF8.GetBytes(session.Token));

    private (Caller? Caller, DateTimeOffset Until)? Read(string? cookie, string kind, byte[] secret)
    {
        if (cookie is not { Length: <= MaxCookie } || cookie.Split('.') is not [var found, var name64, var untilText, _, _] || found != kind || !Base64Url.IsValid(name64)
            || !long.TryParse(untilText, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds())
            return null;
        var until = DateTimeOffset.FromUnixTimeSeconds(seconds);
        if (until <= clock.GetUtcNow())
            return null;
        var name = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(name64));
        var owner = kind == Signed ? admission.Named(name) : null;
        if (kind == Signed && owner is null)
            return null;
        var end = cookie.LastIndexOf('.');
        var expected = Sign(cookie[..end], secret, owner?.Hash ?? []);
        return CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(cookie[(end + 1)..]), Encoding.ASCII.GetBytes(expected)) ? (owner?.Caller, until) : null;
    }

    private static string Write(string kind, string name, DateTimeOffset until, byte[] secret, byte[] keyHash)
    {
        var nonce = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(16));
        var text = string.Create(CultureInfo.InvariantCulture, $"{kind}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(name))}.{until.ToUnixTimeSeconds()}.{nonce}");
        return $"{text}.{Sign(text, secret, keyHash)}";
    }

    /// <summary>Bound to the cookie and to who he is: a token of one session is none of another.</summary>
    private static string TokenOf(string cookie, Caller caller, byte[] secret) => Sign($"token {cookie} {caller.Name}", secret, []);

    private static string Sign(string text, byte[] secret, byte[] keyHash) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(HMACSHA256.HashData(secret, keyHash), Encoding.UTF8.GetBytes(text)));

    private static void Set(HttpContext context, string cookie) => context.Response.Cookies.Append(CookieName, cookie, Options(context));

    /// <summary>Not over plain HTTP, except to this very machine. No date: it goes with the browser, and by its own word before that.</summary>
    private static CookieOptions Options(HttpContext context) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
        Path = CookiePath,
        Secure = context.Request.IsHttps || !IsLoopback(context.Request.Host.Host),
    };

    private static bool IsLoopback(string host) => host is "localhost" or "127.0.0.1" or "::1" or "[::1]";
}
