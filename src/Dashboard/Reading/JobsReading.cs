using System.Text;
using System.Text.Json;
using Weir;
using Weir.Api;
using Weir.Catalog;
using Weir.Receipts;

namespace Dashboard.Reading;

/// <param name="Jobs">Null where a key is looked for.</param>
internal sealed record JobsModel(Answer<JobListView>? Jobs, string? Next, IReadOnlyList<string> Types, JobSearch Search, IReadOnlyList<FoundByKey> Found, bool CanNameTenants);

/// <summary>What the form of the list says.</summary>
internal sealed record JobSearch(string? Text, string? Type, string? State, string? Tenant, string? From, string? To)
{
    public bool IsEmpty => this is { Text: null, Type: null, State: null, Tenant: null, From: null, To: null };
}

/// <param name="As">By which kind of key.</param>
internal sealed record FoundByKey(string As, ListedJobView Job);

/// <param name="Payload">Null when there is none to show, or it is no text.</param>
internal sealed record JobModel(JobView Job, string? Payload, int PayloadBytes, string? TraceId, string EventKey)
{
    public bool CanCancel => !Job.State.IsFinal();
}

/// <summary>The list of jobs, and one job from its submission to its end.</summary>
internal sealed class JobsReading(Faces faces, KeySearch keys, ReceiptTable receipts, JobCatalog catalog)
{
    /// <summary>What a page shows of a payload: more is for the API.</summary>
    private const int MostShown = 64 * 1024;

    /// <summary>A filter that little fits would read for long: a page that comes at once, and goes on from there, is worth more.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    public async Task<Drawn> ListAsync(Visit visit)
    {
        var search = new JobSearch(visit["q"], visit["type"], visit["state"], visit["tenant"], visit["from"], visit["to"]);
        var asked = visit.Ask.Get([.. visit.Passing("type", "state", "tenant", "cursor"), ("from", TimeOf(search.From)), ("to", TimeOf(search.To)), ("limit", "50")]);
        var jobs = search.Text is null ? await Answer<JobListView>.OfAsync(faces.Lists.JobsAsync(asked, Patience, visit.Cancellation)) : (Answer<JobListView>?)null;
        var found = search.Text is { } text ? await keys.FindAsync(visit, text, search.Type, search.Tenant) : [];
        var types = catalog.Types.Select(type => type.Name).Order(StringComparer.Ordinal).ToArray();
        return visit.Draw<Dashboard.Pages.JobsPage, JobsModel>("Jobs", new JobsModel(jobs, jobs?.Value?.Cursor is { } cursor ? visit.With("cursor", cursor) : null, types, search, found, visit.Session.Caller.Tenant is null));
    }

    public async Task<Drawn> OneAsync(Visit visit, string id)
    {
        var answer = await Answer<JobView>.OfAsync(faces.Jobs.GetAsync(visit.Ask.Get(), id, visit.Cancellation));
        if (answer.Value is not { } job)
            return Contents.Problem(visit, answer.Problem!, "/dashboard/jobs");
        try
        {
            // The face has found that he may see it.
            var receipt = await receipts.FindAsync(job.Id, visit.Cancellation);
            return visit.Draw<Dashboard.Pages.JobPage, JobModel>($"{job.Type} {job.Id}", new JobModel(job, await PayloadAsync(receipt, visit.Cancellation), receipt?.PayloadBytes ?? 0, TraceOf(receipt), Guid.CreateVersion7(visit.Now).ToString()));
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            return Contents.Problem(visit, Unreachable.Store, "/dashboard/jobs");
        }
    }

    private async Task<string?> PayloadAsync(Receipt? receipt, CancellationToken cancellation)
    {
        if (receipt is null || receipt.PayloadBytes > MostShown)
            return null;
        var bytes = !receipt.Payload.IsEmpty ? receipt.Payload : await receipts.ReadPayloadAsync(receipt.Id, cancellation);
        try
        {
            return bytes.IsEmpty ? null : Drawing.Words.Pretty(JsonElement.Parse(bytes.Span));
        }
        catch (JsonException)
        {
            return Encoding.UTF8.GetString(bytes.Span);
        }
    }

    /// <summary>00-{trace}-{span}-01</summary>
    private static string? TraceOf(Receipt? receipt) => receipt?.TraceParent?.Split('-') is [_, { Length: 32 } trace, ..] ? trace : null;

    /// <summary>A browser's field for a time knows no offset: it is UTC, as everything on the pages.</summary>
    private static string? TimeOf(string? text) => text is null || text.EndsWith('Z') || text.Contains('+', StringComparison.Ordinal) ? text : $"{text}{(text.Length == 10 ? "T00:00" : "")}Z";
}
