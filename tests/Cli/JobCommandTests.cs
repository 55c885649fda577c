namespace Cli.Tests;

[Collection(OneWeir.Name)]
public sealed class JobCommandTests(RunningWeir weir)
{
    [Fact]
    public async Task A_job_that_succeeds_is_0_and_one_that_fails_is_1()
    {
        var good = (await weir.RunAsync("submit", "probe", "--payload", """{"note": "mine"}""", "--wait", "30s")).Expect(ExitCode.Ok);
        Assert.Contains("succeeded", good.Out);
        Assert.Contains("""{"note":"mine","attempt":1}""", good.Out);

        var bad = (await weir.RunAsync("submit", "probe", "--payload", """{"failFirst": 1, "failAs": "permanent"}""", "--wait", "PT30S", "--json")).Expect(ExitCode.Failed);
        Assert.Equal("deadLettered", bad.Json.GetProperty("state").GetString());
        Assert.Equal("", bad.Error);
    }

    [Fact]
    public async Task What_is_submitted_is_what_was_said()
    {
        var id = await weir.SubmitAsync(
            "{}", "--priority", "bulk", "--correlation-id", "c-7", "--delay", "PT1H", "--expires-in", "PT2H", "--ordering-key", "k", "--contract-version", "1");

        var job = (await weir.RunAsync("get", id, "--json")).Expect(ExitCode.Ok).Json;
        Assert.Equal(
            ("bulk", "c-7", "scheduled", "k"),
            (job.GetProperty("queue").GetString(), job.GetProperty("correlationId").GetString(), job.GetProperty("state").GetString(), job.GetProperty("orderingKey").GetString()));
        (await weir.RunAsync("get", id, "--wait", "300ms")).Expect(ExitCode.NotYet);

        Assert.Contains("cancelled", (await weir.RunAsync("cancel", id, "--reason", "a mistake")).Expect(ExitCode.Ok).Out);
        Assert.Contains("a mistake", (await weir.RunAsync("get", id)).Expect(ExitCode.Ok).Out);
        Assert.Contains("jobFinal", (await weir.RunAsync("cancel", id)).Expect(ExitCode.Failed).Error);
    }

    [Fact]
    public async Task The_same_idempotency_key_is_the_same_job_and_a_unique_key_finds_its_holder()
    {
        Assert.Equal(await weir.SubmitAsync("{}", "--idempotency-key", "cli-1"), await weir.SubmitAsync("{}", "--idempotency-key", "cli-1"));
        Assert.Contains("idempotencyKeyReused", (await weir.RunAsync("submit", "probe", "--payload", """{"note": "other"}""", "--idempotency-key", "cli-1")).Expect(ExitCode.Failed).Error);

        var holder = await weir.SubmitAsync("{}", "--unique-key", "cli-u", "--unique-mode", "reject", "--delay", "PT1H");
        Assert.Contains("notUnique", (await weir.RunAsync("submit", "probe", "--unique-key", "cli-u", "--unique-mode", "reject")).Expect(ExitCode.Failed).Error);
        Assert.Equal(holder, await weir.SubmitAsync("{}", "--unique-key", "cli-u"));
        await weir.RunAsync("cancel", holder);
    }

    [Fact]
    public async Task A_payload_comes_from_a_file_or_from_the_standard_input()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, """{"note": "from a file"}""");
        Assert.Contains("from a file", (await weir.RunAsync("submit", "probe", "--payload", "@" + file, "--wait", "30s")).Expect(ExitCode.Ok).Out);
        File.Delete(file);

        var piped = await CommandRun.OfAsync(
            ["submit", "probe", "--payload", "-", "--wait", "30s"], new Dictionary<string, string> { ["WEIR_SERVER"] = $"{weir.Process.Http.BaseAddress}" }, """{"note": "from a pipe"}""");
        Assert.Contains("from a pipe", piped.Expect(ExitCode.Ok).Out);
    }

    [Fact]
    public async Task Watch_tells_each_change_until_the_end()
    {
        var id = await weir.SubmitAsync("""{"failFirst": 1, "sleepMs": 1200}""");

        var lines = (await weir.RunAsync("watch", id)).Expect(ExitCode.Ok).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.True(lines.Length >= 2, string.Join('\n', lines));
        Assert.StartsWith("succeeded  attempt 2", lines[^1]);
        Assert.Equal("succeeded", (await weir.RunAsync("watch", id, "--json")).Expect(ExitCode.Ok).Json.GetProperty("state").GetString());
    }

    [Fact]
    public async Task List_follows_its_cursors_to_the_limit()
    {
        for (var number = 0; number < 5; number++)
            await weir.SubmitAsync("{}", "--priority", "critical", "--delay", "PT1H", "--correlation-id", "listed");
        var all = default(System.Text.Json.JsonElement);
        for (var tries = 0; tries < 100 && (tries == 0 || all.GetArrayLength() < 5); tries++)
        {
            all = (await weir.RunAsync("list", "--state", "scheduled", "--type", "probe", "--limit", "1000", "--json")).Expect(ExitCode.Ok).Json.GetProperty("jobs");
            await Task.Delay(100); // the list is written behind the jobs
        }
        Assert.True(all.GetArrayLength() >= 5);

        var some = (await weir.RunAsync("list", "--state", "scheduled", "--limit", "2")).Expect(ExitCode.Ok);
        var cursor = some.Out[(some.Out.IndexOf("--cursor ", StringComparison.Ordinal) + 9)..].Trim();
        var next = (await weir.RunAsync("list", "--state", "scheduled", "--limit", "2", "--cursor", cursor, "--json")).Expect(ExitCode.Ok).Json.GetProperty("jobs");
        Assert.Equal(all[2].GetProperty("id").GetString(), next[0].GetProperty("id").GetString());

        Assert.Equal("No jobs.\n", (await weir.RunAsync("list", "--type", "nosuch")).Expect(ExitCode.Ok).Out);
        Assert.Contains("invalidQuery", (await weir.RunAsync("list", "--from", "yesterday")).Expect(ExitCode.Failed).Error);
    }

    [Fact]
    public async Task An_event_lets_a_workflow_go_on()
    {
        var submitted = (await weir.RunAsync("submit", "probe.workflow", "--payload", """{"effect": "cli-flow", "steps": 2, "waitForEventAt": 2}""", "--json")).Expect(ExitCode.Ok);
        var id = submitted.Json.GetProperty("id").GetString()!;

        Assert.Contains(id, (await weir.RunAsync("events", "send", id, "go", "--payload", """{"by": "ada"}""")).Expect(ExitCode.Ok).Out);

        Assert.Contains("s2", (await weir.RunAsync("get", id, "--wait", "60s")).Expect(ExitCode.Ok).Out);
        Assert.Contains("eventAlreadyReceived", (await weir.RunAsync("events", "send", id, "go")).Expect(ExitCode.Failed).Error); // with another payload
    }

    [Fact]
    public async Task A_refusal_shows_title_detail_code_and_every_mistake()
    {
        var run = (await weir.RunAsync("submit", "probe", "--payload", """{"nope": 1, "neither": 2}""")).Expect(ExitCode.Failed);
        Assert.Equal("", run.Out);
        Assert.Contains("The payload breaks its contract: ", run.Error);
        Assert.Contains("(contractViolation)", run.Error);
        Assert.Contains("/payload/nope: ", run.Error);
        Assert.Contains("/payload/neither: ", run.Error);

        var json = (await weir.RunAsync("submit", "probe", "--payload", """{"nope": 1}""", "--json")).Expect(ExitCode.Failed);
        Assert.Equal("contractViolation", json.Json.GetProperty("error").GetProperty("code").GetString());
        Assert.Equal("", json.Error);
    }

    [Fact]
    public async Task What_is_not_there_is_4()
    {
        Assert.Contains("unknownType", (await weir.RunAsync("submit", "nosuch")).Expect(ExitCode.NotFound).Error);
        Assert.Contains("jobNotFound", (await weir.RunAsync("get", "nosuch")).Expect(ExitCode.NotFound).Error);
        Assert.Contains("jobNotFound", (await weir.RunAsync("get", "../catalog")).Expect(ExitCode.NotFound).Error);
        (await weir.RunAsync("watch", "nosuch")).Expect(ExitCode.NotFound);
        (await weir.RunAsync("catalog", "nosuch")).Expect(ExitCode.NotFound);
    }

    [Fact]
    public async Task An_errors_text_cannot_rewrite_the_screen()
    {
        var run = (await weir.RunAsync("submit", "probe", "--payload", "{\"note\": \"\\u001b[2Jgone\\u202e\"}", "--wait", "30s")).Expect(ExitCode.Ok);

        Assert.DoesNotContain('\u001b', run.Out);
        Assert.DoesNotContain('\u202e', run.Out);
        Assert.Contains("gone", run.Out);
    }
}
