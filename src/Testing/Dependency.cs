using Weir.Testing.Faults;
using Weir.Testing.Time;

namespace Weir.Testing;

/// <summary>
/// A store that Weir itself depends on, and what goes wrong with it: each method says what becomes of the next calls that the running instance makes. Calls have names
/// (<see cref="Calls"/>), such as <c>AddEntity Receipts</c> or <c>Send weir-default</c>; <c>on</c> picks those that contain it.
/// </summary>
public sealed class Dependency
{
    private const int MostCalls = 10_000;

    private readonly List<Fault> faults = [];
    private readonly Queue<string> calls = [];
    private readonly Action<Place> kill;
    private readonly Action trouble;

    internal Dependency(Action<Place> kill, Action trouble) => (this.kill, this.trouble) = (kill, trouble);

    /// <summary>The calls so far, the oldest first; of many only the last 10,000. Receives are not among those of the bus.</summary>
    public IReadOnlyList<string> Calls => [.. calls];

    /// <summary>They do nothing, and say so: the store is throttled or away.</summary>
    public void Refuse(int times = 1, string? on = null) => Add(new Fault(FaultKind.Refuse, times, on));

    /// <summary>They are done, and the answer is lost: whoever asked does not know.</summary>
    public void LoseAnswer(int times = 1, string? on = null) => Add(new Fault(FaultKind.LoseAnswer, times, on));

    /// <summary>They take that long, in virtual time.</summary>
    public void BeSlow(TimeSpan by, int times = 1, string? on = null) => Add(new Fault(FaultKind.BeSlow, times, on, by));

    /// <summary>The instance dies as it is about to make the call. The next one starts by itself.</summary>
    public void KillBefore(string? on = null) => Add(new Fault(FaultKind.KillBefore, 1, on));

    /// <summary>The instance dies when the call has been done, and before it knows. The next one starts by itself.</summary>
    public void KillAfter(string? on = null) => Add(new Fault(FaultKind.KillAfter, 1, on));

    /// <summary>Nothing goes wrong any more.</summary>
    public void Recover() => faults.Clear();

    internal async Task<T> CallAsync<T>(Place place, string call, Func<Task<T>> send, Func<T> refuse, Func<Exception> lost, CancellationToken cancellation)
    {
        if (place.IsDead)
            return await Place.NeverAsync<T>();
        calls.Enqueue(call);
        if (calls.Count > MostCalls)
            calls.Dequeue();
        if (faults.Find(fault => fault.Concerns(call)) is not { } fault)
            return await send();

        fault.Left--;
        trouble();
        switch (fault.Kind)
        {
            case FaultKind.Refuse:
                return refuse();
            case FaultKind.KillBefore:
                kill(place);
                return await Place.NeverAsync<T>();
            case FaultKind.BeSlow:
                await Task.Delay(fault.By, place.Clock, cancellation);
                return await send();
        }
        var answer = await send();
        if (fault.Kind == FaultKind.LoseAnswer)
            throw lost();
        kill(place);
        return await Place.NeverAsync<T>();
    }

    private void Add(Fault fault)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(fault.Left, 1, "times");
        faults.Add(fault);
    }
}
