using Weir;
using Weir.Controls;

namespace Unit.Tests.Controls;

/// <summary>Jobs and controls for the tests of what an operator can switch.</summary>
internal static class ControlledWorld
{
    public sealed record Numbered(int Number = 0, bool Fails = false);

    [Job("paused.one")]
    public sealed class One : IJobHandler<Numbered>
    {
        public Task<object?> RunAsync(Numbered job, JobContext context, CancellationToken cancellation) =>
            job.Fails ? throw new TransientException("as it was told to") : Task.FromResult<object?>(new { job.Number, fast = context.IsEnabled("fast") });
    }

    [Job("paused.other")]
    public sealed class Other : IJobHandler<Numbered>
    {
        public Task<object?> RunAsync(Numbered job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }

    [Job("paused.strict", Ordering = Ordering.Strict)]
    public sealed class InOrder : IJobHandler<Numbered>
    {
        public Task<object?> RunAsync(Numbered job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }

    public static Task<WeirInMemory> StartAsync() => WeirInMemory.StartAsync(typeof(One), typeof(Other), typeof(InOrder));

    public static Task<WeirInMemory> JoinAsync(WeirInMemory weir) => weir.JoinAsync(typeof(One), typeof(Other), typeof(InOrder));

    public static async Task<Control> PutAsync(this WeirInMemory weir, ControlKind kind, string name, TimeSpan? time = null, Func<Control, Control>? more = null)
    {
        var now = weir.Clock.GetUtcNow();
        var control = new Control(kind, name, "ann", "to see", now, now + time);
        var answer = await weir.Get<ControlDesk>().PutAsync(more?.Invoke(control) ?? control, _ => true, CancellationToken.None);
        Assert.True(answer.Done);
        return answer.Control!;
    }

    public static async Task RemoveAsync(this WeirInMemory weir, ControlKind kind, string name) =>
        Assert.True((await weir.Get<ControlDesk>().RemoveAsync(kind, name, "ann", "seen", _ => true, CancellationToken.None)).Done);

    public static async Task<string[]> SubmitManyAsync(this WeirInMemory weir, string type, int count)
    {
        var ids = new string[count];
        for (var number = 0; number < count; number++)
            ids[number] = await weir.SubmitAsync(type, new Numbered(number));
        return ids;
    }

    public static async Task<JobState[]> StatesAsync(this WeirInMemory weir, IEnumerable<string> ids) => [.. (await Task.WhenAll(ids.Select(weir.JobAsync))).Select(job => job.Receipt.State)];

    public static async Task<int> HeldAsync(this WeirInMemory weir)
    {
        var held = weir.Get<HeldTable>();
        var count = 0;
        for (var group = await held.NextGroupAsync(null, CancellationToken.None); group is not null; group = await held.NextGroupAsync(group, CancellationToken.None))
            count += (await held.ReadAsync(group, "", CancellationToken.None)).Count;
        return count;
    }
}
