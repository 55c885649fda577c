namespace Capacity.Prices;

/// <summary>
/// What is done for a job that Azure bills: operations.json. The kinds of Weir are measured by the counters of the local build (tests/Unit, JobOperationsTests);
/// the others are what public sources say of doing it in another way.
/// </summary>
/// <param name="ListPerInstanceSecond">Transactions in which a busy instance writes its lines of the list: one for each shard and second, however many jobs there are.</param>
public sealed record BilledOperations(IReadOnlyDictionary<string, JobOperations> Kinds, IReadOnlyDictionary<string, JobOperations> Others, double ListPerInstanceSecond, IdleOperations Idle)
{
    /// <summary>What everybody's jobs are, unless somebody says otherwise.</summary>
    public const string Simple = "simple";

    public static BilledOperations Known { get; } = PriceData.Read("operations.json", PriceData.Default.BilledOperations);
}

/// <summary>Of one job.</summary>
/// <param name="ServiceBus">Send, schedule, receive, complete, dead-letter.</param>
/// <param name="Lanes">Sessions taken, when each message finds its lane free; fewer when a lane has more than one. Whether Azure bills them is not known.</param>
/// <param name="Tables">Transactions of Table storage: each request is one, a batch too.</param>
/// <param name="Executions">Functions that run.</param>
/// <param name="DurableQueues">Storage queue transactions of Durable Functions: three for a message that is put, taken and deleted. By the sources, not measured.</param>
/// <param name="DurableTables">Its history and instance rows, two for each turn of an orchestrator. By the sources, not measured.</param>
public sealed record JobOperations(double ServiceBus, double Lanes, double Tables, double Executions, double DurableQueues = 0, double DurableTables = 0)
{
    public static JobOperations operator +(JobOperations one, JobOperations other) => new(
        one.ServiceBus + other.ServiceBus, one.Lanes + other.Lanes, one.Tables + other.Tables, one.Executions + other.Executions, one.DurableQueues + other.DurableQueues, one.DurableTables + other.DurableTables);

    public static JobOperations operator *(double times, JobOperations one) => new(
        times * one.ServiceBus, times * one.Lanes, times * one.Tables, times * one.Executions, times * one.DurableQueues, times * one.DurableTables);
}

/// <summary>What is done in an hour while nobody asks for anything.</summary>
/// <param name="Instance">For each instance that is up.</param>
/// <param name="Deployment">Once, however many there are: what timers and the one that holds a lease do.</param>
public sealed record IdleOperations(JobOperations Instance, JobOperations Deployment);
