namespace Capacity.Simulation;

/// <summary>
/// A discrete-event simulation: a list of what comes next, in order of time; each event changes the state and adds further ones. One thread, one seeded generator; the same scenario
/// gives the same outcome.
/// </summary>
public sealed class QueueSimulation
{
    private readonly Scenario scenario;
    private readonly Random chance;
    private readonly PriorityQueue<Event, (double At, long Order)> events = new();
    private readonly List<Pool> pools;
    private readonly List<QueueState> queues = [];
    private readonly double begin;
    private readonly double end;
    private long order;
    private double now;
    private double factor = 1;
    private double[] areaBefore = [];
    private double[] usualDepth = [];

    private QueueSimulation(Scenario scenario)
    {
        this.scenario = scenario;
        chance = new Random(scenario.Seed);
        begin = scenario.WarmUp.TotalSeconds;
        end = begin + scenario.Duration.TotalSeconds;
        pools = [.. Enumerable.Range(0, scenario.AreSessionsShared ? 1 : scenario.Queues.Count).Select(_ => new Pool(scenario.Fleet, scenario.AreSessionsShared ? scenario.Queues.Count : 1))];
        foreach (var (index, load) in scenario.Queues.Index())
            queues.Add(scenario.AreSessionsShared ? new QueueState(load, index, pools[0], index) : new QueueState(load, index, pools[index], 0));
    }

    /// <exception cref="ArgumentException">The scenario makes no sense; see <see cref="Scenario.Mistake"/>.</exception>
    public static Outcome Run(Scenario scenario) => scenario.Mistake() is { } mistake ? throw new ArgumentException(mistake) : new QueueSimulation(scenario).Run();

    private Outcome Run()
    {
        foreach (var queue in queues)
            DrawArrival(queue);
        Add(begin, new Event(Kind.WarmUpEnds));
        Add(end, new Event(Kind.ArrivalsEnd));
        if (scenario.Surge is { } surge)
        {
            Add(begin + surge.Begin.TotalSeconds, new Event(Kind.SurgeBegins));
            Add(begin + (surge.Begin + surge.Length).TotalSeconds, new Event(Kind.SurgeEnds));
        }
        if (scenario.Fleet.ScaleOut is { } rule)
        {
            foreach (var (index, _) in pools.Index())
                Add(rule.Every.TotalSeconds, new Event(Kind.Scale, index));
        }
        while (events.TryDequeue(out var next, out var priority))
        {
            now = priority.At;
            Handle(next);
        }
        return new Outcome([.. queues.Select(queue => queue.Outcome)], pools.Sum(pool => pool.Instances));
    }

    private void Handle(Event next)
    {
        switch (next.Kind)
        {
            case Kind.Arrival when next.Number == queues[next.Index].Rate:
                Arrive(queues[next.Index]);
                break;
            case Kind.Ready:
                MakeReady(next.Job!);
                break;
            case Kind.Finished:
                Finish(next.Job!);
                break;
            case Kind.IdleEnds when next.Lane!.Turns == next.Number && next.Lane.IsTaken:
                GiveUp(queues[next.Index], next.Lane);
                Serve(queues[next.Index].Pool);
                break;
            case Kind.Scale:
                Scale(next.Index, scenario.Fleet.ScaleOut!);
                break;
            case Kind.InstancesCome:
                pools[next.Index].Come((int)next.Number);
                Serve(pools[next.Index]);
                break;
            case Kind.SurgeBegins:
                usualDepth = [.. queues.Select(MeanDepth)];
                ChangeRate(scenario.Surge!.Factor);
                break;
            case Kind.SurgeEnds:
                ChangeRate(1);
                foreach (var queue in queues)
                    SeeWhetherDrained(queue);
                break;
            case Kind.WarmUpEnds:
                areaBefore = [.. queues.Select(queue => queue.Area(now))];
                break;
            case Kind.ArrivalsEnd:
                foreach (var queue in queues)
                    queue.Outcome.MeanDepth = MeanDepth(queue);
                break;
        }
    }

    private void DrawArrival(QueueState queue)
    {
        if (queue.Load.ArrivalsPerSecond * factor is var rate and > 0 && now + chance.Exponential(1 / rate) is var at && at < end)
            Add(at, new Event(Kind.Arrival, queue.Index, queue.Rate));
    }

    /// <summary>The time to the next arrival has no memory, so it may be drawn anew.</summary>
    private void ChangeRate(double to)
    {
        factor = to;
        foreach (var queue in queues)
        {
            queue.Rate++;
            DrawArrival(queue);
        }
    }

    private void Arrive(QueueState queue)
    {
        DrawArrival(queue);
        var counts = now >= begin;
        if (counts)
            queue.Outcome.Arrived++;
        if (!queue.Accepts(now))
        {
            queue.Outcome.Refused += counts ? 1 : 0;
            return;
        }
        MakeReady(new SimulatedJob(queue.Index, queue.NextLane(chance), now, counts));
    }

    private void MakeReady(SimulatedJob job)
    {
        var (queue, lane) = (queues[job.Queue], job.Lane);
        job.ReadyAt = now;
        queue.Pool.Open++;
        queue.Change(now, +1);
        if (now >= begin)
            queue.Outcome.PeakDepth = Math.Max(queue.Outcome.PeakDepth, queue.Depth);
        lane.Add(job);
        if (lane.IsTaken)
        {
            if (!lane.IsRunning)
                Begin(lane);
            return;
        }
        if (!lane.IsWaiting)
        {
            lane.IsWaiting = true;
            queue.Pool.Wait(lane, queue.Priority);
        }
        Serve(queue.Pool);
    }

    private void Serve(Pool pool)
    {
        while (pool.HasFree && pool.TryTake(out var lane))
        {
            pool.Taken++;
            (lane.IsTaken, lane.IsWaiting, lane.TurnBegan) = (true, false, now);
            Begin(lane);
        }
    }

    private void Begin(Lane lane)
    {
        var job = lane.Take();
        var queue = queues[job.Queue];
        lane.IsRunning = true;
        lane.Turns++;
        queue.Change(now, -1);
        SeeWhetherDrained(queue);
        if (job.Counts)
            queue.Outcome.Wait.Record(TimeSpan.FromSeconds(now - job.ReadyAt));
        Add(now + queue.Load.Service.Next(chance), new Event(Kind.Finished, Job: job));
    }

    private void Finish(SimulatedJob job)
    {
        var (queue, lane) = (queues[job.Queue], job.Lane);
        lane.IsRunning = false;
        queue.End(now);
        if (queue.Load.FailureRate > 0 && chance.NextDouble() < queue.Load.FailureRate)
            Fail(job, queue);
        else
            End(job, queue, succeeded: true);

        if (lane.Rules is not { } rules)
            GiveUp(queue, lane);
        else if (lane.IsEmpty)
            Add(now + rules.Idle.TotalSeconds, new Event(Kind.IdleEnds, queue.Index, lane.Turns, Lane: lane));
        else if (queue.Pool.HasWaitingUpTo(queue.Priority - 1) || (now - lane.TurnBegan >= rules.Turn.TotalSeconds && queue.Pool.HasWaiting))
            GiveUp(queue, lane);
        else
            Begin(lane);
        Serve(queue.Pool);
    }

    private void Fail(SimulatedJob job, QueueState queue)
    {
        if (job.Attempt >= queue.Load.Attempts)
        {
            End(job, queue, succeeded: false);
            return;
        }
        var most = Math.Min(queue.Load.Backoff.Cap.TotalSeconds, queue.Load.Backoff.Base.TotalSeconds * Math.Pow(2, job.Attempt - 1));
        job.Attempt++;
        queue.Outcome.Retries += job.Counts ? 1 : 0;
        queue.Pool.Open--;
        Add(now + most * chance.NextDouble(), new Event(Kind.Ready, Job: job));
    }

    private void End(SimulatedJob job, QueueState queue, bool succeeded)
    {
        queue.Pool.Open--;
        if (!job.Counts)
            return;
        queue.Outcome.Succeeded += succeeded ? 1 : 0;
        queue.Outcome.Failed += succeeded ? 0 : 1;
        queue.Outcome.EndToEnd.Record(TimeSpan.FromSeconds(now - job.CameAt));
    }

    /// <summary>The session goes; the lane waits for another if it has jobs.</summary>
    private static void GiveUp(QueueState queue, Lane lane)
    {
        queue.Pool.Taken--;
        (lane.IsTaken, lane.IsWaiting) = (false, !lane.IsEmpty);
        if (lane.IsWaiting)
            queue.Pool.Wait(lane, queue.Priority);
    }

    private void Scale(int index, ScaleOut rule)
    {
        if (pools[index].Ask(rule) is var more and > 0)
            Add(now + rule.Delay.TotalSeconds, new Event(Kind.InstancesCome, index, more));
        if (now < end || pools[index].Open > 0)
            Add(now + rule.Every.TotalSeconds, new Event(Kind.Scale, index));
    }

    private void SeeWhetherDrained(QueueState queue)
    {
        if (scenario.Surge is not { } surge || queue.Outcome.TimeToDrain is not null || now < begin + (surge.Begin + surge.Length).TotalSeconds)
            return;
        if (queue.Depth <= Math.Ceiling(usualDepth[queue.Index]))
            queue.Outcome.TimeToDrain = TimeSpan.FromSeconds(now) - (scenario.WarmUp + surge.Begin + surge.Length);
    }

    /// <summary>Since the warm-up.</summary>
    private double MeanDepth(QueueState queue) => now > begin ? (queue.Area(now) - areaBefore[queue.Index]) / (now - begin) : 0;

    private void Add(double at, Event next) => events.Enqueue(next, (at, order++));

    private enum Kind
    {
        Arrival,
        Ready,
        Finished,
        IdleEnds,
        Scale,
        InstancesCome,
        WarmUpEnds,
        SurgeBegins,
        SurgeEnds,
        ArrivalsEnd,
    }

    /// <param name="Kind">What happens.</param>
    /// <param name="Index">Of the queue, or of the pool.</param>
    /// <param name="Number">The rate or the turn that it belongs to, or how many come.</param>
    private readonly record struct Event(Kind Kind, int Index = 0, long Number = 0, SimulatedJob? Job = null, Lane? Lane = null);
}
