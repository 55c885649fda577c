using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Weir;
using Weir.Catalog;
using Weir.Submission;

namespace Unit.Tests.Catalog;

public sealed class ContractVersionTests
{
    [ContractVersion(1)]
    public sealed record OrderV1(string Name);

    [ContractVersion(3)]
    public sealed record OrderV3(string First, string Last);

    public sealed record Order(string First, string Last, int Count);

    public sealed class From1 : IUpcast<OrderV1, OrderV3>
    {
        public OrderV3 Upcast(OrderV1 old) => old.Name.Split(' ') is [var first, var last] ? new(first, last) : throw new FormatException("A name has two parts.");
    }

    public sealed class From3 : IUpcast<OrderV3, Order>
    {
        public Order Upcast(OrderV3 old) => new(old.First, old.Last, 1);
    }

    [Job("order", Version = 4)]
    public sealed class Handler : IJobHandler<Order>
    {
        public Task<object?> RunAsync(Order job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }

    private static readonly Contracts<Order> Orders = new("order", 4, new Upcasts([typeof(From1), typeof(From3), typeof(Handler)]));

    [Fact]
    public void The_versions_are_the_current_one_and_those_that_a_chain_leads_from() => Assert.Equal([1, 3, 4], Orders.Versions);

    [Theory]
    [InlineData(1, """{"name": "Ada Lovelace"}""", 1)]
    [InlineData(3, """{"first": "Ada", "last": "Lovelace"}""", 1)]
    [InlineData(4, """{"first": "Ada", "last": "Lovelace", "count": 2}""", 2)]
    public void A_payload_is_read_in_the_version_it_was_written_in(int version, string payload, int count)
    {
        Assert.Empty(Orders.Check(version, JsonElement.Parse(payload)));
        Assert.Equal(new Order("Ada", "Lovelace", count), Orders.Read(version, Encoding.UTF8.GetBytes(payload)));
    }

    [Fact]
    public void A_payload_is_checked_against_the_version_it_was_written_in() =>
        Assert.Equal(["/first", "/last", "/name"], Orders.Check(3, JsonElement.Parse("""{"name": "Ada"}""")).Select(error => error.Pointer).Order());

    [Fact]
    public void A_version_without_a_chain_is_a_broken_contract()
    {
        Assert.Contains("version 2 of 'order' is not served; expected one of 1, 3, 4", Assert.Single(Orders.Check(2, JsonElement.Parse("{}"))).Detail);
        Assert.Throws<JsonException>(() => Orders.Read(2, "{}"u8));
    }

    [Fact]
    public void An_upcast_that_throws_is_a_broken_contract_which_no_retry_mends()
    {
        var broken = Assert.Throws<JsonException>(() => Orders.Read(1, """{"name": "Ada"}"""u8));
        Assert.Contains("A name has two parts", broken.Message);
        Assert.Equal(Weir.Retries.ErrorClass.Permanent, Weir.Retries.ErrorClassifier.Classify(broken));
    }

    [Theory]
    [InlineData(1, null)]
    [InlineData(2, Refusal.VersionTooOld)]
    [InlineData(4, Refusal.ContractViolation)]
    [InlineData(5, Refusal.VersionTooNew)]
    public void A_submission_is_refused_by_its_version(int version, object? refusal)
    {
        var submission = new JobSubmission(
            new JobCatalog([typeof(Handler)]), null!, null!, null!, null!, null!, null!, null!,
            new Weir.Lanes.LaneCounts(new Microsoft.Extensions.Configuration.ConfigurationBuilder().Build(), Options.Create(new WeirOptions())), null!, TimeProvider.System, new Random(1));
        var request = new SubmitRequest("order", JsonElement.Parse("""{"name": "Ada Lovelace"}""")) { Version = version };
        Assert.Equal(refusal, submission.Check(request, "default", null, out _)?.Refusal);
    }

    /// <summary>Impossible upcasts stand in a generic class, so that nobody finds them who looks through this assembly.</summary>
    private static class Bad<T>
    {
        public sealed record Unmarked(string Name);

        [ContractVersion(4)]
        public sealed record TooNew(string Name);

        [ContractVersion(1)]
        public sealed record Other(string Name);

        public sealed class FromUnmarked : IUpcast<Unmarked, Order>
        {
            public Order Upcast(Unmarked old) => new(old.Name, "", 0);
        }

        public sealed class FromTooNew : IUpcast<TooNew, Order>
        {
            public Order Upcast(TooNew old) => new(old.Name, "", 0);
        }

        public sealed class Stray : IUpcast<Other, Unmarked>
        {
            public Unmarked Upcast(Other old) => new(old.Name);
        }

        public sealed class Needy(string need) : IUpcast<Other, Order>
        {
            public Order Upcast(Other old) => new(old.Name, need, 0);
        }
    }

    [Theory]
    [InlineData(typeof(Bad<int>.FromUnmarked), "put [ContractVersion(n)] on it")]
    [InlineData(typeof(Bad<int>.FromTooNew), "must be from 1 to 3")]
    [InlineData(typeof(Bad<int>.Stray), "leads to Unmarked, which is neither")]
    [InlineData(typeof(Bad<int>.Needy), "no public constructor without parameters")]
    public void An_impossible_upcast_stops_the_start_and_says_why(Type upcast, string why) =>
        Assert.Contains(why, Assert.Throws<InvalidOperationException>(() => new Contracts<Order>("order", 4, new Upcasts([upcast, typeof(Handler)]))).Message);

    [Fact]
    public void Two_upcasts_into_one_version_stop_the_start() =>
        Assert.Contains("From3 and FromTooNew all lead to Order", Assert.Throws<InvalidOperationException>(
            () => new Contracts<Order>("order", 4, new Upcasts([typeof(From3), typeof(Bad<int>.FromTooNew), typeof(Handler)]))).Message);

    [Fact]
    public void A_contract_that_says_another_version_than_its_job_stops_the_start() =>
        Assert.Contains("says [ContractVersion(3)]", Assert.Throws<InvalidOperationException>(() => new Contracts<OrderV3>("order", 4, new Upcasts([]))).Message);
}
