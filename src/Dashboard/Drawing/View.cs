using Microsoft.AspNetCore.Http;
using Weir.Access;

namespace Dashboard.Drawing;

/// <summary>What every page knows: who looks, at what, when.</summary>
/// <param name="Self">The page's own address with its query, from which it renews itself.</param>
/// <param name="Section">Which entry of the menu it belongs to.</param>
/// <param name="Session">Null while he has not signed in.</param>
internal sealed record View(string Title, string Section, string Self, BrowserSession? Session, DateTimeOffset Now)
{
    /// <summary>What was done a moment ago, by its code.</summary>
    public string? Did { get; init; }

    /// <summary>Only the part that renews itself is wanted, not what stands round it.</summary>
    public bool IsRenewal { get; init; }

    public bool CanOperate => Session is { } one && (one.Caller.Scopes & Scope.Operate) != 0;

    /// <summary>What the API asks <c>submit</c> for, such as cancelling, takes both here.</summary>
    public bool CanSubmit => CanOperate && (Session!.Caller.Scopes & Scope.Submit) != 0;

    public bool IsDevelopment => Session is { Caller.IsAnybody: true };

    public static string SelfOf(HttpRequest request)
    {
        var query = QueryString.Create(request.Query.Where(one => one.Key is not "did").SelectMany(one => one.Value, (one, value) => KeyValuePair.Create(one.Key, value)));
        return $"{request.Path}{query}";
    }
}
