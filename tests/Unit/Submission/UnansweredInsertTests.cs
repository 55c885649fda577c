using System.Text.Json;
using Azure;
using Azure.Data.Tables;
using AzureLocal.Storage;
using Contract.Tests;
using Weir.Index;
using Weir.Receipts;
using Weir.Submission;
using Weir.Uniqueness;

namespace Unit.Tests.Submission;

/// <summary>A receipt that was written and whose writer was never told so: nobody else knows of the job, so its line in the list must come even so.</summary>
public sealed class UnansweredInsertTests
{
    [Theory]
    [InlineData(Answer.None)]
    [InlineData(Answer.OfTheRetry)]
    public async Task A_job_whose_insert_is_not_answered_has_its_line(Answer answer)
    {
        var store = Store.InMemory();
        var clock = new ManualClock();
        var tables = new UnansweredTables(new EmbeddedTables(store, clock));
        await using var weir = await WeirInMemory.StartAsync(store, clock, [], [typeof(LocalStore.Plain)], new TableServiceClient(tables));
        tables.Insert = answer;

        await SubmitAsync(weir);

        var job = Assert.Single(await ReceiptsAsync(weir));
        Assert.True(await weir.Get<JobIndex>().FlushAsync(CancellationToken.None));
        var (lines, _) = await weir.Get<JobIndexTable>().ReadAsync(IndexKey.Partition(job.SubmittedAt, job.Id), "", 10, CancellationToken.None);
        Assert.Equal(job.Id, Assert.Single(lines).Id);
    }

    [Theory]
    [InlineData(Answer.None, false)]
    [InlineData(Answer.OfTheRetry, false)]
    [InlineData(Answer.None, true)]
    [InlineData(Answer.OfTheRetry, true)]
    public async Task When_it_cannot_even_be_looked_for_it_is_searched_for_later(Answer answer, bool unique)
    {
        var store = Store.InMemory();
        var clock = new ManualClock();
        var tables = new UnansweredTables(new EmbeddedTables(store, clock));
        await using var weir = await WeirInMemory.StartAsync(store, clock, [], [typeof(LocalStore.Plain)], new TableServiceClient(tables));
        (tables.Insert, tables.ReadsFail) = (answer, true);

        await SubmitAsync(weir, unique ? new UniqueRequest("once", UniqueMode.ReturnExisting, TimeSpan.FromHours(1)) : null);

        tables.ReadsFail = false;
        Assert.Equal(Assert.Single(await ReceiptsAsync(weir)).SubmittedAt, weir.Get<JobIndex>().TakeGap());
    }

    private static async Task SubmitAsync(WeirInMemory weir, UniqueRequest? unique = null)
    {
        try
        {
            await weir.Get<JobSubmission>().SubmitAsync(new SubmitRequest("plain", JsonElement.Parse("\"payload\"")) { Unique = unique }, "default", null, CancellationToken.None);
        }
        catch (RequestFailedException)
        {
            // The client is told to try again, and may not.
        }
    }

    private static async Task<List<Receipt>> ReceiptsAsync(WeirInMemory weir)
    {
        var found = new List<Receipt>();
        await foreach (var receipt in weir.Get<ReceiptTable>().ChangedAsync(DateTimeOffset.UnixEpoch, weir.Clock.GetUtcNow().AddDays(1), CancellationToken.None))
            found.Add(receipt);
        return found;
    }

    public enum Answer { Given, None, OfTheRetry }

    /// <summary>Does what it is asked, and answers an insert of a receipt as it is told to.</summary>
    private sealed class UnansweredTables(ITableTransport inner) : ITableTransport
    {
        public Answer Insert { get; set; }

        public bool ReadsFail { get; set; }

        public string AccountName => inner.AccountName;

        public Uri Endpoint => inner.Endpoint;

        public OperationCounter Operations => inner.Operations;

        public async Task<TableAnswer> SendAsync(TableCall call, CancellationToken cancellation)
        {
            if (ReadsFail && call is TableCall.Get { Table: ReceiptTable.Name })
                throw new RequestFailedException(0, "No answer.");
            var answer = await inner.SendAsync(call, cancellation);
            if (!AddsReceipt(call))
                return answer;
            return Insert switch
            {
                Answer.None => throw new RequestFailedException(0, "No answer."),
                Answer.OfTheRetry => await inner.SendAsync(call, cancellation),
                _ => answer,
            };
        }

        /// <summary>A unique job's payload lies beside its receipt, so both are one transaction.</summary>
        private static bool AddsReceipt(TableCall call) => call switch
        {
            TableCall.Change { Table: ReceiptTable.Name, Operation: TableOperation.AddEntity } => true,
            TableCall.Transaction { Table: ReceiptTable.Name } write => write.Changes.Any(change => change is { Type: TableTransactionActionType.Add, Entity.RowKey: ReceiptTable.ReceiptRow }),
            _ => false,
        };
    }
}
