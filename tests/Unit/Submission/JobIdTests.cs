using Weir.Submission;

namespace Unit.Tests.Submission;

public sealed class JobIdTests
{
    [Fact]
    public void A_new_id_is_a_uuid_of_version_7_that_carries_its_time()
    {
        var now = new DateTimeOffset(2026, 11, 21, 10, 0, 0, 123, TimeSpan.Zero);
        var id = JobId.New(now, new Random(1));
        Assert.True(JobId.IsWellFormed(id));
        Assert.Equal('7', id[14]);
        Assert.Contains(id[19], "89ab");
        Assert.Equal(now.ToUnixTimeMilliseconds(), Convert.ToInt64(id[..8] + id[9..13], 16));
    }

    [Fact]
    public void Ids_of_one_millisecond_differ()
    {
        var chance = new Random(1);
        Assert.Equal(10_000, Enumerable.Range(0, 10_000).Select(_ => JobId.New(DateTimeOffset.UnixEpoch, chance)).Distinct().Count());
    }

    [Fact]
    public void A_key_always_gives_the_same_id_of_version_8()
    {
        var id = JobId.FromKey("default", "probe", "key");
        Assert.Equal(id, JobId.FromKey("default", "probe", "key"));
        Assert.Equal('8', id[14]);
    }

    [Theory]
    [InlineData("a", "b", "cd")]
    [InlineData("a", "bc", "d")]
    [InlineData("ab", "c", "d")]
    [InlineData("a", "1:b", "cd")]
    public void Triples_that_run_together_as_text_are_different_jobs(string tenant, string type, string key)
    {
        string[] all = [JobId.FromKey("a", "b", "cd"), JobId.FromKey("a", "bc", "d"), JobId.FromKey("ab", "c", "d"), JobId.FromKey("a", "1:b", "cd")];
        Assert.Single(all, JobId.FromKey(tenant, type, key));
    }
}
