using System.Buffers.Text;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Weir.Api;
using Weir.Submission;

namespace Weir.Shards;

/// <summary>Requests of an operator of all tenants that go to every shard at once: to find who knows an id, and to set a control everywhere.</summary>
internal sealed class ShardBroadcast(ShardMap shards, ShardCalls calls)
{
    private readonly ShardCalls calls = calls;

    /// <summary>The largest of them: a replay with a mended payload.</summary>
    private const int MaxBody = JobSubmission.MaxPayload + 16 * 1024;

    private const int NotFound = StatusCodes.Status404NotFound;

    /// <summary>The waiting of a GET is up to 30 s.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(100);

    /// <summary>
    /// Sends the request to every shard. An id is in one of them, and to the others it is nothing (404): the first other answer is the answer. When nobody knows it and
    /// not everybody could be asked, it may exist: 503.
    /// </summary>
    public async Task<IResult> FindAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (body, problem) = await ReadAsync(request, cancellation);
        if (problem is not null)
            return problem;
        var asked = shards.All.Select(shard => new Asked(this, shard, request, body, cancellation)).ToArray();
        ShardAnswer? answer = null;
        try
        {
            var waiting = asked.Select(one => one.Answer).ToList();
            var down = new List<ShardAnswer>();
            while (answer is null && waiting.Count > 0)
            {
                var one = await Task.WhenAny(waiting);
                waiting.Remove(one);
                var came = await one;
                if (came.IsDown)
                    down.Add(came);
                else if (came.Status != NotFound || (waiting.Count == 0 && down.Count == 0))
                    answer = came;
            }
            // Nobody knows it. Of those that could not look, one that says why; without any, the last 404.
            return answer ??= down.Find(one => one.Response is not null) ?? down[0];
        }
        finally
        {
            foreach (var other in asked)
                await other.EndAsync(except: answer);
        }
    }

    /// <summary>
    /// Puts or removes a control on every shard: each has its own table, read by its own instances. Done where it was done; if not everywhere, the answer says where not.
    /// </summary>
    public async Task<IResult> EverywhereAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (body, problem) = await ReadAsync(request, cancellation);
        if (problem is not null)
            return problem;
        ExpandTags(request);
        var answers = await Task.WhenAll(shards.All.Select(shard => calls.SendAsync(shard, request, ShardCalls.TargetOf(request), body, Patience, cancellation)));
        var done = Array.FindAll(answers, one => one.IsSuccess);
        // To end what a shard never had, or to drain an instance of another shard, is nothing to it.
        var failed = Array.FindAll(answers, one => !one.IsSuccess && (done.Length == 0 || one.Status != NotFound));
        var chosen = failed.Length == 0 ? done[0] : done.Length == 0 && Array.TrueForAll(failed, one => one.Status == failed[0].Status) ? failed[0] : null;
        foreach (var other in answers.Where(other => other != chosen))
            other.Dispose();
        if (chosen is null)
            return Problem.PartlyDone([.. answers.Select(one => new { name = one.Shard.Name, done = !failed.Contains(one), status = one.Response is null ? (int?)null : one.Status })]);

        var tags = done.Select(one => one.Response!.Headers.ETag?.ToString()).OfType<string>().ToArray();
        if (tags.Length > 0)
            chosen.Response!.Headers.ETag = System.Net.Http.Headers.EntityTagHeaderValue.Parse(Join(tags));
        return chosen.Status == StatusCodes.Status412PreconditionFailed ? Replace(chosen, Problem.ChangedSomewhere()) : chosen;
    }

    private static IResult Replace(ShardAnswer answer, IResult by)
    {
        answer.Dispose();
        return by;
    }

    /// <summary>One ETag for what has another on each shard.</summary>
    public static string Join(IEnumerable<string> tags) => $"W/\"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(string.Join('\n', tags)))}\"";

    /// <summary>If-Match may name several: each shard finds its own among them.</summary>
    private static void ExpandTags(HttpRequest request)
    {
        if (!EntityTagHeaderValue.TryParseList(request.Headers.IfMatch, out var tags))
            return;
        request.Headers.IfMatch = string.Join(", ", tags.SelectMany(tag => Split(tag.ToString())));
    }

    private static string[] Split(string tag)
    {
        var inner = tag.AsSpan(tag.IndexOf('"', StringComparison.Ordinal) + 1).TrimEnd('"');
        Span<byte> bytes = stackalloc byte[inner.Length];
        if (inner.Length == 0 || inner.Length > 8_192 || !Base64Url.IsValid(inner) || !Base64Url.TryDecodeFromChars(inner, bytes, out var length))
            return [tag];
        var parts = Encoding.UTF8.GetString(bytes[..length]).Split('\n');
        return parts.All(part => EntityTagHeaderValue.TryParse(part, out _)) ? parts : [tag];
    }

    private static async Task<(ReadOnlyMemory<byte> Body, IResult? Problem)> ReadAsync(HttpRequest request, CancellationToken cancellation) =>
        HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || request.ContentLength == 0 ? (default, null) : await RequestBody.ReadAnyAsync(request, MaxBody, cancellation);

    /// <summary>One shard that was asked, and can be left.</summary>
    private sealed class Asked
    {
        private readonly CancellationTokenSource left;

        public Asked(ShardBroadcast broadcast, Shard shard, HttpRequest request, ReadOnlyMemory<byte> body, CancellationToken cancellation)
        {
            left = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            Answer = broadcast.calls.SendAsync(shard, request, ShardCalls.TargetOf(request), body, Patience, left.Token);
        }

        public Task<ShardAnswer> Answer { get; }

        /// <summary>Unless its answer is the answer: then its connection is still read from.</summary>
        public async Task EndAsync(ShardAnswer? except)
        {
            if (except is not null && Answer is { IsCompletedSuccessfully: true } && Answer.Result == except)
                return;
            await left.CancelAsync();
            try
            {
                (await Answer).Dispose();
            }
            catch (OperationCanceledException)
            {
                // It was waiting still.
            }
            left.Dispose();
        }
    }
}
