using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;

namespace Weir.Api;

/// <summary>Which page of a list is asked for, where that is all that can be: limit and cursor.</summary>
/// <param name="Limit">The most entries of the page.</param>
/// <param name="After">The cursor of the page before; null: the first page.</param>
internal readonly record struct PageQuery(int Limit, string? After)
{
    public const int DefaultLimit = 50;
    public const int MostLimit = 100;

    /// <param name="query">The request's.</param>
    /// <param name="cursors">What a cursor of this list looks like.</param>
    /// <param name="page">The page, when nothing is wrong.</param>
    /// <returns>What is wrong with the query; null when nothing is.</returns>
    public static string? Read(IQueryCollection query, Regex cursors, out PageQuery page)
    {
        page = new PageQuery(DefaultLimit, null);
        if (query.Keys.FirstOrDefault(key => key is not ("limit" or "cursor")) is { } unknown)
            return $"'{(unknown.Length <= 40 ? unknown : "a longer text")}' is not known here; expected some of limit, cursor.";
        if (query.FirstOrDefault(one => one.Value.Count > 1).Key is { } twice)
            return $"{twice} is there more than once.";
        if (query["limit"] is [{ Length: > 0 } text])
        {
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) || limit is < 1 or > MostLimit)
                return $"limit is a whole number from 1 to {MostLimit}.";
            page = page with { Limit = limit };
        }
        if (query["cursor"] is [{ Length: > 0 } cursor])
        {
            if (!cursors.IsMatch(cursor))
                return "cursor is none that came from here: take the one of the page before as it is.";
            page = page with { After = cursor };
        }
        return null;
    }
}
