namespace Cli.Tests;

[Collection(OneWeir.Name)]
public sealed class BatchCommandTests(RunningWeir weir) : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("weir-cli-").FullName;

    [Fact]
    public async Task A_file_is_submitted_waited_for_and_its_failed_items_are_retried()
    {
        var file = File("items.ndjson", """{"note": "a"}""", """{"failFirst": 1, "failAs": "permanent"}""", """{"wrong": 1}""");

        var batch = (await weir.RunAsync("batches", "submit", file, "--type", "probe", "--name", "mine", "--wait", "60s", "--json")).Expect(ExitCode.Failed).Json;
        var id = batch.GetProperty("id").GetString()!;
        Assert.Equal(("completed", 1, 1, 1), (
            batch.GetProperty("state").GetString(), batch.GetProperty("counts").GetProperty("succeeded").GetInt32(), batch.GetProperty("counts").GetProperty("deadLettered").GetInt32(),
            batch.GetProperty("counts").GetProperty("refused").GetInt32()));

        Assert.Contains("deadLettered", (await weir.RunAsync("batches", "items", id, "--state", "failed")).Expect(ExitCode.Ok).Out);
        Assert.Contains("mine", (await weir.RunAsync("batches", "list")).Expect(ExitCode.Ok).Out);
        var retried = (await weir.RunAsync("batches", "retry", id, "--json")).Expect(ExitCode.Ok).Json;
        Assert.Equal("{notRetryable:[], remaining:number, retried:number}", Shape.Of(retried));
        Assert.Equal(1, retried.GetProperty("retried").GetInt32());
        var after = (await weir.RunAsync("batches", "get", id, "--wait", "60s", "--json")).Expect(ExitCode.Failed).Json; // the refused one stays
        Assert.Equal(2, after.GetProperty("counts").GetProperty("succeeded").GetInt32());
    }

    [Fact]
    public async Task An_array_is_one_too_and_all_good_is_0()
    {
        var file = File("items.json", """[{"type": "probe", "payload": {}}, {"type": "probe", "payload": {"note": "b"}}]""");

        (await weir.RunAsync("batches", "submit", file, "--wait", "60s", "--idempotency-key", "cli-batch")).Expect(ExitCode.Ok);
        (await weir.RunAsync("batches", "submit", file, "--idempotency-key", "cli-batch")).Expect(ExitCode.Ok);
    }

    [Fact]
    public async Task One_is_paused_resumed_and_cancelled()
    {
        var file = File("items.ndjson", [.. Enumerable.Repeat("""{"type": "probe", "payload": {}, "delay": "PT1H"}""", 3)]);
        var id = (await weir.RunAsync("batches", "submit", file, "--json")).Expect(ExitCode.Ok).Json.GetProperty("id").GetString()!;

        Assert.Contains("paused", (await weir.RunAsync("batches", "pause", id)).Expect(ExitCode.Ok).Out);
        Assert.Contains("running", (await weir.RunAsync("batches", "resume", id)).Expect(ExitCode.Ok).Out);
        (await weir.RunAsync("batches", "cancel", id, "--reason", "enough")).Expect(ExitCode.Ok);
        (await weir.RunAsync("batches", "get", id, "--wait", "60s")).Expect(ExitCode.Failed);
    }

    [Fact]
    public async Task Files_that_cannot_be_and_batches_that_are_not()
    {
        (await weir.RunAsync("batches", "submit", Path.Combine(folder, "nosuch.ndjson"), "--type", "probe")).Expect(ExitCode.Usage);
        Assert.Contains("invalidRequest", (await weir.RunAsync("batches", "submit", File("empty.json", "[]"))).Expect(ExitCode.Failed).Error);
        Assert.Contains("malformedJson", (await weir.RunAsync("batches", "submit", File("half.json", "[{"))).Expect(ExitCode.Failed).Error);
        (await weir.RunAsync("batches", "get", "nosuch")).Expect(ExitCode.NotFound);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string File(string name, params string[] lines)
    {
        var path = Path.Combine(folder, name);
        System.IO.File.WriteAllLines(path, lines);
        return path;
    }
}
