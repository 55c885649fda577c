using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Weir.Access;
using Weir.Controls;
using Weir.Index;
using Weir.Instances;

namespace Weir.Api;

/// <summary>The lists: jobs, and the instances that run them.</summary>
public sealed partial class ListsApi
{
    private const int DefaultLimit = 50;
    private const int MostJobs = 100;

    /// <summary>Three beats missed.</summary>
    private static readonly TimeSpan Silent = Heartbeat.Interval * 3;

    private static readonly string[] Known = ["state", "type", "tenant", "from", "to", "limit", "cursor"];

    private static readonly Dictionary<string, JobState> States = Enum.GetValues<JobState>().ToDictionary(state => JsonNamingPolicy.CamelCase.ConvertName(state.ToString()), StringComparer.Ordinal);

    private readonly Admission admission;
    private readonly JobList jobs;
    private readonly InstanceTable instances;
    private readonly ControlBoard controls;
    private readonly TimeProvider clock;

    internal ListsApi(Admission admission, JobList jobs, InstanceTable instances, ControlBoard controls, TimeProvider clock) =>
        (this.admission, this.jobs, this.instances, this.controls, this.clock) = (admission, jobs, instances, controls, clock);

    /// <summary>GET /api/jobs?state=&amp;type=&amp;tenant=&amp;from=&amp;to=&amp;limit=&amp;cursor=, the newest first.</summary>
    public Task<IResult> JobsAsync(HttpRequest request, CancellationToken cancellation) => JobsAsync(request, patience: null, cancellation);

    /// <param name="request">The query.</param>
    /// <param name="patience">After this much time the page comes short, and says where to go on.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    internal async Task<IResult> JobsAsync(HttpRequest request, TimeSpan? patience, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Read);
        if (caller is null)
            return refusal!;
        if (Read(request.Query, out var filter, out var limit, out var after) is { } wrong)
            return Problem.InvalidQuery(wrong);
        if (filter!.Tenant is { } tenant && !caller.Sees(tenant))
            return Problem.Forbidden($"'{caller.Name}' is bound to another tenant than the query names.");

        var page = await jobs.ReadAsync(filter with { Tenant = filter.Tenant ?? caller.Tenant }, after, limit, cancellation, patience);
        return Results.Json(new JobListView([.. page.Jobs.Select(ListedJobView.Of)], page.Next is null ? null : Encode(page.Next)), ApiJson.Camel.JobListView);
    }

    /// <summary>GET /api/instances: who runs jobs, and which.</summary>
    public async Task<IResult> InstancesAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Read);
        if (caller is null)
            return refusal!;
        var all = await instances.ReadAsync(cancellation);
        var now = clock.GetUtcNow();
        return Results.Json(new InstancesView([.. all.OrderBy(one => one.StartedAt).Select(one => View(one, caller, now))]), ApiJson.Camel.InstancesView);
    }

    /// <summary>A caller of one tenant sees that tenant's jobs; how busy an instance is, everybody may know.</summary>
    private InstanceView View(InstanceRecord one, Caller caller, DateTimeOffset now) => new(
        one.Id, one.Version, one.SeenAt + Silent > now, one.StartedAt, one.SeenAt, one.Running,
        [.. one.Jobs.Where(job => caller.Sees(job.Tenant)).Select(job => new RunningJobView(job.Id, job.Type, job.Tenant, job.Lane, job.Attempt, job.StartedAt, LinksView.Of(job.Id)))])
    {
        Drain = controls.Find(ControlKind.Instance, one.Id) is { } drain ? DrainView.Of(drain, one.EmptySince) : null,
    };

    /// <returns>What is wrong with the query; null when nothing is.</returns>
    private static string? Read(IQueryCollection query, out JobFilter? filter, out int limit, out string? after)
    {
        (filter, limit, after) = (null, DefaultLimit, null);
        if (query.Keys.FirstOrDefault(key => !Known.Contains(key)) is { } unknown)
            return $"'{(unknown.Length <= 40 ? unknown : "a longer text")}' is not known here; expected some of {string.Join(", ", Known)}.";
        if (query.FirstOrDefault(one => one.Value.Count > 1).Key is { } twice)
            return $"{twice} is there more than once.";

        JobState? state = null;
        if (Text(query, "state") is { } stateText)
        {
            if (!States.TryGetValue(stateText, out var known))
                return $"state is one of {string.Join(", ", States.Keys)}.";
            state = known;
        }
        if (!TryTime(query, "from", out var from) || !TryTime(query, "to", out var to))
            return "from and to are times in ISO 8601 with their offset, such as 2026-11-21T10:00:00Z.";
        if (from > to)
            return "from is later than to.";
        if (Text(query, "limit") is { } limitText && (!int.TryParse(limitText, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MostJobs))
            return $"limit is a whole number from 1 to {MostJobs}.";
        if (Text(query, "cursor") is { } cursor && !TryDecode(cursor, out after))
            return "cursor is none that came from here: take the one of the page before as it is.";

        filter = new JobFilter(state, Text(query, "type"), Text(query, "tenant"), from ?? DateTimeOffset.UnixEpoch, to);
        return null;
    }

    private static string? Text(IQueryCollection query, string name) => query[name] is [{ Length: > 0 } text] ? text : null;

    internal static bool TryTime(IQueryCollection query, string name, out DateTimeOffset? time)
    {
        time = null;
        if (Text(query, name) is not { } text)
            return true;
        // A plus sign that was not escaped arrives as a space.
        var read = DateTimeOffset.TryParse(text.Replace(' ', '+'), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var value) && value >= DateTimeOffset.UnixEpoch && value.Year < 9999;
        time = value;
        return read;
    }

    private static string Encode(string row) => Convert.ToBase64String(Encoding.ASCII.GetBytes(row)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    private static bool TryDecode(string cursor, out string? row)
    {
        row = null;
        Span<byte> bytes = stackalloc byte[64];
        var padded = cursor.Replace('-', '+').Replace('_', '/') + new string('=', (4 - cursor.Length % 4) % 4);
        if (cursor.Length > 80 || !Convert.TryFromBase64String(padded, bytes, out var length))
            return false;
        row = Encoding.ASCII.GetString(bytes[..length]);
        return ValidRow().IsMatch(row) && IndexKey.IsTime(row);
    }

    [GeneratedRegex(@"\A[0-9]{15}(-[0-9a-f-]{36})?\z")]
    private static partial Regex ValidRow();
}

internal sealed record JobListView(IReadOnlyList<ListedJobView> Jobs, string? Cursor);

internal sealed record ListedJobView(string Id, string Type, JobState State, string Tenant, Queue? Queue, string? CorrelationId, DateTimeOffset SubmittedAt, DateTimeOffset? FinishedAt, LinksView Links)
{
    public static ListedJobView Of(ListedJob job) => new(
        job.Summary.Id, job.Summary.Type, job.State, job.Summary.Tenant, job.Summary.Queue, job.Summary.CorrelationId, job.Summary.SubmittedAt, job.FinishedAt, LinksView.Of(job.Summary.Id));
}

internal sealed record InstancesView(IReadOnlyList<InstanceView> Instances);

internal sealed record InstanceView(string Id, string Version, bool Alive, DateTimeOffset StartedAt, DateTimeOffset SeenAt, int Running, IReadOnlyList<RunningJobView> Jobs)
{
    /// <summary>It takes no job: by whose word, and since when it has been empty.</summary>
    public DrainView? Drain { get; init; }
}

internal sealed record DrainView(string By, string Reason, DateTimeOffset Since, DateTimeOffset? Until, bool Empty, DateTimeOffset? EmptySince)
{
    public static DrainView Of(Control drain, DateTimeOffset? emptySince) => new(drain.By, drain.Reason, drain.Since, drain.Until, emptySince is not null, emptySince);
}

internal sealed record RunningJobView(string Id, string Type, string Tenant, string Lane, int Attempt, DateTimeOffset StartedAt, LinksView Links);
