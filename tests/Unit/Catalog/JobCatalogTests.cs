using Weir;
using Weir.Catalog;

namespace Unit.Tests.Catalog;

public sealed class JobCatalogTests
{
    [Fact]
    public void A_type_is_found_by_its_name()
    {
        var catalog = new JobCatalog([typeof(Good)]);
        Assert.Equal(TimeSpan.FromSeconds(60), catalog.Find("good")!.Timeout);
        Assert.Null(catalog.Find("GOOD"));
    }

    [Theory]
    [InlineData(typeof(BadName), "'Bad Name' is no name")]
    [InlineData(typeof(NoHandler), "exactly once, not 0")]
    [InlineData(typeof(TwoContracts), "exactly once, not 2")]
    [InlineData(typeof(BadVersion), "versions count from 1")]
    [InlineData(typeof(BadTimeout), "expected 1 to 86400")]
    [InlineData(typeof(string), "no [Job] attribute")]
    public void An_impossible_type_stops_the_start_and_says_why(Type handler, string why) =>
        Assert.Contains(why, Assert.Throws<InvalidOperationException>(() => new JobCatalog([handler])).Message);

    [Fact]
    public void Two_types_of_one_name_stop_the_start() =>
        Assert.Contains("defined 2 times", Assert.Throws<InvalidOperationException>(() => new JobCatalog([typeof(Good), typeof(AlsoGood)])).Message);

    public abstract class Handler : IJobHandler<string>
    {
        public Task<object?> RunAsync(string job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }

    [Job("good")]
    public sealed class Good : Handler;

    [Job("good")]
    public sealed class AlsoGood : Handler;

    [Job("Bad Name")]
    public sealed class BadName : Handler;

    [Job("none")]
    public sealed class NoHandler;

    [Job("version", Version = 0)]
    public sealed class BadVersion : Handler;

    [Job("timeout", TimeoutSeconds = 0)]
    public sealed class BadTimeout : Handler;

    [Job("two")]
    public sealed class TwoContracts : Handler, IJobHandler<int>
    {
        public Task<object?> RunAsync(int job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }
}
