using System.Text;

namespace BlackBox.Tests;

/// <summary>What must not be found where many can read.</summary>
public sealed class SecrecyTests
{
    [Fact]
    public async Task Neither_keys_nor_payloads_nor_connections_are_in_the_log_at_its_most_talkative_and_no_secret_is_in_the_data()
    {
        const string Note = "payload-4f1c77";
        const string WrongNote = "payload-of-a-bad-request-9a1d";
        const string AccessKey = "broker-access-key-51e2";
        const string WebhookSecret = "whsec_c2VjcmV0LXRoYXQtbm9ib2R5LXNob3VsZC1zZWU=";
        const string CallbackToken = "callback-token-77b0";
        var key = new ApiKey("secretive", "default", "submit read");
        var wrong = new ApiKey("nobody", "default", "read");
        using var data = new DataFolder();
        await using var receiver = new WebhookReceiver();
        string output;
        await using (var weir = await WeirProcess.StartAsync(data,
            [
                .. key.Settings,
                ("Weir__Webhooks__Secret", WebhookSecret),
                ("ServiceBus", $"Endpoint=sb://localhost;SharedAccessKeyName=all;SharedAccessKey={AccessKey};UseDevelopmentEmulator=true;"),
                ("AzureFunctionsJobHost__logging__logLevel__default", "Trace"),
                ("AzureFunctionsJobHost__logging__logLevel__Microsoft", "Trace"),
                ("AzureFunctionsJobHost__logging__logLevel__System.Net.Http", "Trace"),
            ]))
        {
            using var http = key.Client(weir);
            using var stranger = wrong.Client(weir);
            var jobs = new[]
            {
                await http.SubmitAsync("probe", new { note = Note, effect = "secret" }, more: new { callbackUrl = $"{receiver.Url}?token={CallbackToken}" }),
                await http.SubmitAsync("probe", new { note = Note, failFirst = 2 }),
                await http.SubmitAsync("probe", new { note = Note, failFirst = 1, failAs = "permanent" }),
                await http.SubmitAsync("email.welcome", new { to = "ada@example.org", name = Note }),
            };
            foreach (var job in jobs)
                await http.FinalAsync(job);
            await http.BatchBecomesAsync((await http.BatchAsync([new { note = Note }, new { note = Note, failFirst = 1, failAs = "permanent" }])).Text("id")!, "completed");
            using var scheduled = await http.PutScheduleAsync("secretive", $$$"""{"type": "probe", "payload": {"note": "{{{Note}}}"}, "cron": "0 3 1 1 *"}""");
            Assert.True(scheduled.IsSuccessStatusCode);
            using var started = await http.PostScheduleAsync("secretive", "run");
            using var unreadable = await http.PutScheduleAsync("broken", $$$"""{"type": "probe", "payload": {"{{{WrongNote}}}": 1}, "cron": "{{{WrongNote}}}"}""");
            using var refused = await stranger.GetAsync("api/jobs");
            using var malformed = await http.PostAsync($$$"""{"type": "probe", "payload": {"note": "{{{WrongNote}}}", "{{{WrongNote}}}": 1}}""");
            using var broken = await http.PostAsync($$$"""{"type": "probe", "payload": {"note": "{{{WrongNote}}}""");
            await receiver.UntilAsync(1);
            await weir.StopAsync();
            output = weir.Output;
        }

        Assert.Contains("Job ", output); // it did talk
        foreach (var secret in new[] { key.Text, wrong.Text, Note, WrongNote, AccessKey, WebhookSecret, WebhookSecret[6..], CallbackToken })
            Assert.DoesNotContain(secret, output);
        foreach (var secret in new[] { key.Text, wrong.Text, WrongNote, AccessKey, WebhookSecret[6..] })
        {
            var bytes = Encoding.UTF8.GetBytes(secret);
            Assert.DoesNotContain(Directory.GetFiles(data.Path, "*", SearchOption.AllDirectories), file => File.ReadAllBytes(file).AsSpan().IndexOf(bytes) >= 0);
        }
    }
}
