using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Weir.Api;

namespace Weir.Shards;

/// <summary>
/// Lists of all tenants, for an operator. One in pages is read shard by shard, and its cursor begins with the name of the shard that is next: the newest is first within a shard, not
/// over all of them. A shard that does not answer is left out, and named in <c>shardsUnavailable</c>, so that nobody takes a part for the whole.
/// </summary>
internal sealed partial class ShardPages(ShardMap shards, ShardCalls calls)
{
    /// <summary>The shards that are missing from an answer.</summary>
    internal const string Unavailable = "shardsUnavailable";

    private const string Cursor = "cursor";
    private const string Limit = "limit";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>One page: of as many shards as it takes to fill it.</summary>
    public Task<IResult> ReadAsync(HttpRequest request, ShardRoute.Pages list, CancellationToken cancellation)
    {
        var cursor = request.Query[Cursor];
        var limit = request.Query[Limit] is [{ Length: > 0 } text] ? int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var asked) ? asked : -1 : list.Limit;
        return CollectAsync(cursor is [{ Length: > 0 } from] ? from : null, limit, page => CountOf(page[list.Items]), (shard, inner, left) =>
        {
            var query = new QueryBuilder(request.Query.Where(one => one.Key is not Cursor and not Limit));
            if (inner.Length > 0)
                query.Add(Cursor, inner);
            if (limit > 0)
                query.Add(Limit, left.ToString(CultureInfo.InvariantCulture));
            else if (request.Query.ContainsKey(Limit))
                query.Add(Limit, request.Query[Limit].ToString()); // not a number: the shard says what is wrong with it
            return calls.SendAsync(shard, request, UriHelper.BuildRelative(request.PathBase, request.Path, query.ToQueryString()), body: null, Patience, cancellation);
        });
    }

    /// <summary>POST /api/dead-letters/replay: as much as its limit says, of as many shards as it takes.</summary>
    public async Task<IResult> ReplayAsync(HttpRequest request, ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        if (JsonText.Parse(body, RequestBody.Strict).Document is not { } document)
            return await FirstAsync(request, body, cancellation);
        using (document)
        {
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                return await FirstAsync(request, body, cancellation);
            if (StagedReplayRequest.IsAskedFor(document.RootElement))
                return Problem.InvalidRequest([new("/tenant", "expected whose dead letters: a staged replay is of one shard")]);
            var asked = JsonObject.Create(document.RootElement)!;
            var cursor = asked[Cursor] is JsonValue from && from.TryGetValue<string>(out var text) ? text : null;
            var limit = asked[Limit] is null ? DeadLetters.DeadLetterDesk.MaxReplays : asked[Limit] is JsonValue most && most.TryGetValue<int>(out var number) ? number : -1;
            if (limit <= 0)
                return await FirstAsync(request, body, cancellation);
            return await CollectAsync(cursor, limit, page => page["matched"] is JsonValue matched && matched.TryGetValue<int>(out var count) ? count : 0, (shard, inner, left) =>
            {
                var one = (JsonObject)asked.DeepClone();
                one.Remove(Cursor);
                if (inner.Length > 0)
                    one[Cursor] = inner;
                one[Limit] = left;
                return calls.SendAsync(shard, request, ShardCalls.TargetOf(request), JsonSerializer.SerializeToUtf8Bytes(one), ShardCalls.Longest, cancellation);
            });
        }
    }

    /// <summary>A list without pages, put together.</summary>
    public async Task<IResult> ReadWholeAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (answer, refusal) = await ReadAllAsync(request, cancellation);
        return refusal ?? Results.Json(answer);
    }

    /// <summary>Each control once, with the shards that it is on, and one ETag for all of them.</summary>
    public async Task<IResult> ReadControlsAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (answer, refusal) = await ReadAllAsync(request, cancellation);
        if (refusal is not null)
            return refusal;
        var once = new JsonArray();
        foreach (var control in (answer!["controls"] as JsonArray ?? []).OfType<JsonObject>().GroupBy(one => $"{one["kind"]}/{one["name"]}", StringComparer.Ordinal))
        {
            var one = (JsonObject)control.First().DeepClone();
            one.Remove("shard");
            one["etag"] = ShardBroadcast.Join(control.Select(each => each["etag"]?.ToString() ?? ""));
            one["shards"] = new JsonArray([.. control.Select(each => (JsonNode?)each["shard"]?.ToString())]);
            once.Add(one);
        }
        answer["controls"] = once;
        return Results.Json(answer);
    }

    private async Task<IResult> FirstAsync(HttpRequest request, ReadOnlyMemory<byte> body, CancellationToken cancellation) =>
        await calls.SendAsync(shards.All[0], request, ShardCalls.TargetOf(request), body, Patience, cancellation);

    private async Task<IResult> CollectAsync(string? cursor, int limit, Func<JsonObject, int> countOf, Func<Shard, string, int, Task<ShardAnswer>> ask)
    {
        var (first, inner) = (0, "");
        if (cursor is not null)
        {
            var place = ValidCursor().Match(cursor);
            first = place.Success ? shards.All.ToList().FindIndex(shard => shard.Name == place.Groups["shard"].Value) : -1;
            if (first < 0)
                return Problem.InvalidQuery("cursor is none that came from here: take the one of the page before as it is.");
            inner = place.Groups["inner"].Value;
        }
        var whole = new JsonObject();
        var down = new List<string>();
        string? next = null;
        var (left, answered) = (limit, 0);
        for (var i = first; i < shards.All.Count && next is null; i++, inner = "")
        {
            var answer = await ask(shards.All[i], inner, left);
            if (answer is { IsDown: false, IsSuccess: false })
                return answer; // a mistake in the request, or no right: the same everywhere
            if (await ReadAsync(answer) is not { } page)
            {
                down.Add(shards.All[i].Name);
                continue;
            }
            answered++;
            left -= countOf(page);
            if (page[Cursor] is JsonValue more)
                next = $"{shards.All[i].Name}.{more}";
            else if (limit > 0 && left <= 0 && i + 1 < shards.All.Count)
                next = $"{shards.All[i + 1].Name}.";
            Add(whole, page, shards.All[i]);
        }
        if (answered == 0)
            return Problem.ShardUnavailable(string.Join(", ", down), "None of those that were asked answered. Send the request again.");
        whole.Remove(Cursor);
        if (next is not null)
            whole[Cursor] = next;
        Name(down, whole);
        return Results.Json(whole);
    }

    /// <summary>The answers of all shards as one, or why there is none.</summary>
    internal async Task<(JsonObject? Answer, IResult? Refusal)> ReadAllAsync(HttpRequest request, CancellationToken cancellation)
    {
        var answers = await Task.WhenAll(shards.All.Select(shard => calls.SendAsync(shard, request, ShardCalls.TargetOf(request), body: null, Patience, cancellation)));
        if (Array.Find(answers, one => one is { IsDown: false, IsSuccess: false }) is { } refused)
        {
            foreach (var other in answers.Where(other => other != refused))
                other.Dispose();
            return (null, refused);
        }
        var whole = new JsonObject();
        var down = new List<string>();
        foreach (var answer in answers)
        {
            if (await ReadAsync(answer) is { } page)
                Add(whole, page, answer.Shard);
            else
                down.Add(answer.Shard.Name);
        }
        Name(down, whole);
        return down.Count == answers.Length ? (null, Problem.ShardUnavailable(string.Join(", ", down), "None of them answered. Send the request again.")) : (whole, null);
    }

    /// <summary>Null when there is no whole answer.</summary>
    private static async Task<JsonObject?> ReadAsync(ShardAnswer answer)
    {
        using (answer)
        {
            try
            {
                return answer.IsDown ? null : await answer.ReadAsync();
            }
            catch (IOException)
            {
                return null;
            }
        }
    }

    /// <summary>Items follow each other, each with its shard; figures add up; what is true somewhere is true; of the rest the first stays.</summary>
    private static void Add(JsonObject whole, JsonObject page, Shard shard)
    {
        foreach (var (name, value) in page.ToArray())
        {
            page.Remove(name);
            switch (value)
            {
                case JsonArray items:
                    var all = whole[name] as JsonArray ?? [];
                    foreach (var item in items.ToArray())
                    {
                        items.Remove(item);
                        if (item is JsonObject one)
                            one["shard"] = shard.Name;
                        all.Add(item);
                    }
                    whole[name] = all;
                    break;
                case JsonObject inner:
                    var sum = whole[name] as JsonObject ?? [];
                    Add(sum, inner, shard);
                    whole[name] = sum;
                    break;
                case JsonValue number when number.GetValueKind() == JsonValueKind.Number && whole[name] is JsonValue before && before.GetValueKind() == JsonValueKind.Number:
                    whole[name] = before.GetValue<double>() + number.GetValue<double>();
                    break;
                case JsonValue flag when flag.GetValueKind() == JsonValueKind.True:
                    whole[name] = true;
                    break;
                default:
                    if (!whole.ContainsKey(name))
                        whole[name] = value;
                    break;
            }
        }
    }

    private static int CountOf(JsonNode? items) => (items as JsonArray)?.Count ?? 0;

    private static void Name(List<string> down, JsonObject whole)
    {
        if (down.Count > 0)
            whole[Unavailable] = new JsonArray([.. down.Select(name => (JsonNode?)name)]);
    }

    [GeneratedRegex(@"\A(?<shard>[a-z0-9-]{1,32})\.(?<inner>.{0,4096})\z")]
    private static partial Regex ValidCursor();
}
