using System.Net;
using Azurite;

namespace BlackBox.Tests;

/// <summary>The tables are gone while the app runs: clients are told so, with when to try again, and nothing falls over.</summary>
public sealed class StoreAwayTests
{
    [Fact]
    public async Task Without_tables_a_request_is_answered_503_and_the_instance_lives_on()
    {
        var azurite = new AzuriteServer();
        await azurite.InitializeAsync();
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data, ("AzureWebJobsStorage", azurite.ConnectionString));
        var id = await weir.Http.SubmitAsync("probe", new { note = "before" });
        await weir.Http.FinalAsync(id);
        using (var ready = await weir.Http.GetAsync("api/health/ready"))
            Assert.Equal(HttpStatusCode.OK, ready.StatusCode);

        await azurite.DisposeAsync();
        Assert.True(await IsIllAsync(weir.Http), "The instance goes on to say that it is ready.");
        foreach (var asking in new[] { weir.Http.PostAsync("""{"type": "probe", "payload": {}}"""), weir.Http.GetAsync($"api/jobs/{id}"), weir.Http.DeleteAsync($"api/jobs/{id}") })
        {
            using var response = await asking;
            var problem = await response.ReadJsonAsync();
            Assert.True(response.StatusCode == HttpStatusCode.ServiceUnavailable, $"{response.StatusCode}: {problem}");
            Assert.Equal("storeUnavailable", problem.GetProperty("code").GetString());
            Assert.NotNull(response.Headers.RetryAfter);
        }
        using var live = await weir.Http.GetAsync("api/health/live");
        Assert.Equal(HttpStatusCode.OK, live.StatusCode);
    }

    /// <summary>What an instance has found out about its stores may be a second old.</summary>
    private static async Task<bool> IsIllAsync(HttpClient http)
    {
        for (var tries = 0; tries < 100; tries++)
        {
            using var ready = await http.GetAsync("api/health/ready");
            if (ready.StatusCode == HttpStatusCode.ServiceUnavailable)
                return true;
            await Task.Delay(100);
        }
        return false;
    }
}
