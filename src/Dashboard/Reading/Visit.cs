using Dashboard.Drawing;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;
using Weir.Access;

namespace Dashboard.Reading;

/// <summary>One look at one page.</summary>
internal sealed record Visit(HttpContext Context, BrowserSession Session, DateTimeOffset Now, CancellationToken Cancellation)
{
    /// <summary>No filter of a page is longer.</summary>
    private const int MaxText = 4_096;

    public Question Ask { get; } = new(Context, Session.Caller);

    public string? this[string name] => Context.Request.Query[name] is [{ Length: > 0 and <= MaxText } text] && text.Trim() is { Length: > 0 } trimmed ? trimmed : null;

    /// <summary>Those of the page's own parameters that a face takes too.</summary>
    public IEnumerable<(string Name, string? Value)> Passing(params string[] names) => names.Select(name => (name, this[name]));

    /// <summary>The page's address with another cursor.</summary>
    public string With(string name, string? value)
    {
        var query = QueryString.Create(Context.Request.Query.Where(one => one.Key != name && one.Key != "did").SelectMany(one => one.Value, (one, text) => KeyValuePair.Create(one.Key, text)));
        return $"{Context.Request.Path}{(value is null ? query : query.Add(name, value))}";
    }

    public Drawn Draw<TPage, TModel>(string title, TModel model, int status = StatusCodes.Status200OK) where TPage : IComponent where TModel : notnull =>
        new(title, status, (artist, view) => artist.DrawAsync<TPage, TModel>(view, model));
}

/// <summary>A page that has been read, and how to draw it.</summary>
internal sealed record Drawn(string Title, int Status, Func<Artist, View, Task<string>> AsHtml);
