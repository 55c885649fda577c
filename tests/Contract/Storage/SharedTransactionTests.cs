using Azure;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using Azure.Messaging.ServiceBus.Administration;
using AzureLocal.Storage;
using Broker = AzureLocal.ServiceBus.Broker;

namespace Contract.Tests.Storage;

/// <summary>Operations that wait at the same time share a transaction, and in it what they all count with: each must leave the others' counting alone.</summary>
public sealed class SharedTransactionTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("weir-shared").FullName;
    private readonly Store store;

    public SharedTransactionTests() => store = Store.Open(directory);

    [Fact]
    public async Task Messages_sent_together_are_numbered_and_counted_though_an_operation_among_them_fails()
    {
        var broker = Broker.Of(store, TimeProvider.System);
        await using var client = new ServiceBusClient(broker);
        var administration = new ServiceBusAdministrationClient(broker);
        await administration.CreateQueueAsync("jobs");
        await using var sender = client.CreateSender("jobs");

        var (sent, refused) = await TogetherAsync(
            () => [sender.SendMessageAsync(new("1")), sender.SendMessageAsync(new("2"))],
            () => sender.CancelScheduledMessageAsync(4_711),
            () => [sender.SendMessageAsync(new("3"))]);
        Assert.IsType<ServiceBusException>(refused);
        await Task.WhenAll(sent);

        QueueRuntimeProperties counted = await administration.GetQueueRuntimePropertiesAsync("jobs");
        Assert.Equal(3, counted.ActiveMessageCount);
        await using var receiver = client.CreateReceiver("jobs");
        Assert.Equal([1, 2, 3], (await receiver.PeekMessagesAsync(10)).Select(message => message.SequenceNumber));
    }

    [Fact]
    public async Task Entities_written_together_have_an_ETag_each_though_a_write_among_them_is_refused_and_the_numbers_go_on()
    {
        var service = new TableServiceClient(store, TimeProvider.System);
        var table = service.GetTableClient("things");
        await table.CreateAsync();
        await table.AddEntityAsync(new TableEntity("p", "taken"));

        var etags = new List<ETag?>();
        var (written, refused) = await TogetherAsync(
            () => [AddAsync("a"), AddAsync("b")],
            () => table.AddEntityAsync(new TableEntity("p", "taken")),
            () => [AddAsync("c")]);
        Assert.Equal(409, Assert.IsType<RequestFailedException>(refused).Status);
        await Task.WhenAll(written);
        await AddAsync("d");
        Assert.Equal(4, etags.Distinct().Count());

        async Task AddAsync(string key)
        {
            var answer = await table.AddEntityAsync(new TableEntity("p", key));
            lock (etags)
                etags.Add(answer.Headers.ETag);
        }
    }

    public void Dispose()
    {
        store.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    /// <summary>Holds the store's writer while all of them are asked, so that they share its next transaction.</summary>
    private async Task<(IReadOnlyList<Task> Kept, Exception? Refused)> TogetherAsync(Func<Task[]> before, Func<Task> refused, Func<Task[]> after)
    {
        using var held = new ManualResetEventSlim();
        var holding = store.WriteAsync(_ => { held.Wait(TimeSpan.FromSeconds(30)); });
        Task[] kept = [.. before()];
        var fails = refused();
        kept = [.. kept, .. after()];
        held.Set();
        await holding;
        return (kept, await Record.ExceptionAsync(() => fails));
    }
}
