using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

internal sealed class Broker : IBroker
{
    public OperationCounts Operations { get; } = new();

    public TimeProvider Time { get; }

    private Broker(TimeProvider time) => Time = time;

    public static Broker Of(Store store, TimeProvider time) => store.Part(_ => new Broker(time));

    public IBrokerConnection Connect() => throw new NotSupportedException();
    public Task<EntityInfo> CreateEntityAsync(EntitySettings settings, Rule? rule, CancellationToken cancellation) => throw new NotSupportedException();
    public Task<EntityInfo> UpdateEntityAsync(EntitySettings settings, CancellationToken cancellation) => throw new NotSupportedException();
    public Task DeleteEntityAsync(string path, CancellationToken cancellation) => throw new NotSupportedException();
    public Task<EntityInfo?> FindEntityAsync(string path, CancellationToken cancellation) => throw new NotSupportedException();
    public Task CreateRuleAsync(string subscription, Rule rule, CancellationToken cancellation) => throw new NotSupportedException();
    public Task DeleteRuleAsync(string subscription, string name, CancellationToken cancellation) => throw new NotSupportedException();
}
