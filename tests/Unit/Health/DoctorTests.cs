using Microsoft.Extensions.Configuration;
using Weir;
using Weir.Catalog;
using Weir.Health;
using Weir.Reconciliation;

namespace Unit.Tests.Health;

public sealed class DoctorTests
{
    [Theory]
    [InlineData("Weir:Lane", "nobody reads Weir:Lane")]
    [InlineData("Weir:Reconcile:Evry", "nobody reads Weir:Reconcile:Evry")]
    [InlineData("Weir:KillPoint", "this instance ends itself")]
    [InlineData("Weir:Jobs:nosuch:Rate", "no such job type")]
    [InlineData("Weir:Queues:fast:Concurrency", "there is no such queue")]
    public void A_setting_that_nobody_reads_is_told_and_its_value_is_not(string setting, string expected)
    {
        var checks = Settings(new() { [setting] = "s3cret" }, new WeirOptions());
        Assert.Contains(checks, check => check.Outcome == DoctorOutcome.Warning && $"{check.Name} {check.Detail}".Contains(expected, StringComparison.Ordinal));
        Assert.DoesNotContain(checks, check => check.Detail.Contains("s3cret", StringComparison.Ordinal));
    }

    [Fact]
    public void Settings_that_contradict_one_another_are_told_and_sound_ones_are_not()
    {
        Assert.All(Settings(new() { ["Weir:Lanes"] = "8", ["Weir:Pressure:bulk:MaxDepth"] = "10", ["Weir:Keys:0:Hash"] = "x" }, new WeirOptions()), check => Assert.Equal(DoctorOutcome.Ok, check.Outcome));
        Assert.Contains(Settings([], new WeirOptions { Lease = TimeSpan.FromMinutes(3) }), check => check is { Name: "Weir:Lease", Outcome: DoctorOutcome.Warning });
    }

    [Theory]
    [InlineData("""{"functionTimeout": "-1", "extensions": {"serviceBus": {"autoCompleteMessages": false, "sessionIdleTimeout": "00:00:01", "maxAutoLockRenewalDuration": "24:00:00"}}}""", "")]
    [InlineData("""{"functionTimeout": "00:05:00", "extensions": {"serviceBus": {"autoCompleteMessages": true, "sessionIdleTimeout": "00:01:00", "maxAutoLockRenewalDuration": "00:05:00", "prefetchCount": 20}}}""",
        "autoCompleteMessages Failed, functionTimeout Warning, maxAutoLockRenewalDuration Failed, prefetchCount Warning, sessionIdleTimeout Warning")]
    [InlineData("{}", "autoCompleteMessages Failed, functionTimeout Warning, maxAutoLockRenewalDuration Failed, sessionIdleTimeout Warning")]
    [InlineData("no JSON", "host.json Failed")]
    public void The_host_is_told_what_Weir_relies_on(string json, string expected)
    {
        var folder = Directory.CreateTempSubdirectory("weir-unit-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "host.json"), json);
            var checks = HostFileCheck.Of(new ConfigurationBuilder().Build(), folder.FullName, TimeSpan.FromHours(1));
            Assert.Equal(expected, string.Join(", ", checks.Where(check => check.Outcome != DoctorOutcome.Ok).Select(check => $"{check.Name} {check.Outcome}").Order(StringComparer.Ordinal)));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static DoctorCheck[] Settings(Dictionary<string, string?> settings, WeirOptions options) =>
        [.. SettingsCheck.Of(new ConfigurationBuilder().AddInMemoryCollection(settings).Build(), options, new ReconcileOptions(), new JobCatalog([]), isDevelopment: true)];
}
