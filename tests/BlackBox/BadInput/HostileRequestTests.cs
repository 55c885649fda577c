using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace BlackBox.Tests.BadInput;

/// <summary>Every route under fire. Nothing crashes; each answer is under 500, each refusal a problem with a code that tells nothing of the inside; memory stays flat; and then a good job runs.</summary>
public sealed partial class HostileRequestTests
{
    private const int AtOnce = 4;

    /// <summary>What a process may gain over the second half, when all pools and caches are warm. The buffers of four requests of a mebibyte, and the collector's patience with them.</summary>
    private const long MostGrowth = 160L * 1024 * 1024;

    /// <summary>The largest refusal. Fifty mistakes of some hundred characters each.</summary>
    private const int MostProblem = 64 * 1024;

    private static readonly string[] Reached =
        ["200", "202", "malformedJson", "invalidRequest", "contractViolation", "unknownType", "unsupportedMediaType", "jobNotFound", "invalidWait", "invalidQuery", "deadLetterNotFound", "noSuchRoute", "invalidTenant"];

    [Fact]
    public async Task In_development_everybody_can_ask_and_nobody_can_break_it()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data);
        await HuntAsync(weir, data, Hunt.Seed, Hunt.Cases(1_600), key: null);
    }

    [Fact]
    public async Task With_keys_nothing_tells_them()
    {
        using var data = new DataFolder();
        var key = new ApiKey("hunter", "*", "submit read operate");
        await using var weir = await WeirProcess.StartAsync(data, key.Settings);
        weir.Http.DefaultRequestHeaders.Authorization = new("Bearer", key.Text);
        weir.Http.DefaultRequestHeaders.Add("Weir-Tenant", "default");
        await HuntAsync(weir, data, Hunt.Seed + 1, Hunt.Cases(1_600), key.Text);
        Assert.DoesNotContain(key.Text, weir.Output);
    }

    private static async Task HuntAsync(WeirProcess weir, DataFolder data, int seed, int cases, string? key)
    {
        var next = -1;
        long warm = 0;
        var failures = new List<string>();
        var seen = new ConcurrentDictionary<string, int>(StringComparer.Ordinal);
        async Task WorkAsync()
        {
            while (Interlocked.Increment(ref next) is var number && number < cases && failures.Count < 5)
            {
                if (number == cases / 2)
                    Interlocked.Exchange(ref warm, ResidentBytes(weir));
                var request = HostileRequest.Next(new Random(HashCode(seed, number)), Routes.All, key);
                var answer = await RawHttp.SendAsync(weir.Port, request.Bytes, ends: false);
                seen.AddOrUpdate(Kind(answer), 1, (_, count) => count + 1);
                if (WhatIsWrong(request, answer, data, key) is { } wrong)
                {
                    lock (failures)
                        failures.Add($"WEIR_HUNT_SEED={Hunt.Seed} (seed {seed}, case {number}): {wrong}\n  {request}\n  → {answer?.Status} {Hostile.Shown(answer?.Body ?? [])}");
                }
            }
        }
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => WorkAsync()));
        Assert.True(failures.Count == 0, string.Join("\n", failures) + "\n" + Tail(weir.Output));
        // A hunt that the first check turns away proves nothing of what stands behind it.
        Assert.True(Reached.All(seen.ContainsKey), $"Seed {seed} reached only {string.Join(", ", seen.OrderByDescending(one => one.Value).Select(one => $"{one.Key}: {one.Value}"))}.");

        var growth = ResidentBytes(weir) - warm;
        Assert.True(growth < MostGrowth, $"Seed {seed}: {growth:N0} bytes more after the second half of {cases} requests.");
        Assert.DoesNotContain("Unhandled exception", weir.Output);
        var job = await weir.Http.FinalAsync(await weir.Http.SubmitAsync("probe", new { effect = "after" }));
        Assert.Equal("succeeded", job.GetProperty("state").GetString());
    }

    private static string Kind(RawAnswer? answer) => answer is null ? "none" : Code().Match(answer.Text) is { Success: true } code && answer.Status >= 400 ? code.Groups[1].Value : $"{answer.Status}";

    private static string? WhatIsWrong(HostileRequest request, RawAnswer? answer, DataFolder data, string? key)
    {
        if (answer is null)
            return "no answer";
        if (answer.Headers.ContainsKey("X-Injected"))
            return "a header was injected";
        var text = answer.Text;
        if (text.Contains(data.Path, StringComparison.Ordinal) || (key is not null && text.Contains(key, StringComparison.Ordinal)))
            return "the answer tells a secret";
        // A simulated service answers what it was told to.
        if (answer.Status >= 500 && !text.Contains("\"code\":\"simulated\"", StringComparison.Ordinal))
            return "the status is over 499";
        if (answer.Status < 400 || request.Method == "HEAD")
            return null;
        if (Inside().Match(text) is { Success: true } inside)
            return $"the refusal tells of the inside: {inside.Value}";
        // The dashboard refuses with a page.
        if (request.Route.Contains("dashboard/", StringComparison.Ordinal) && answer.Headers.GetValueOrDefault("Content-Type")?.StartsWith("text/html", StringComparison.Ordinal) == true)
            return answer.Body.Length > MostProblem ? $"the refusal's page has {answer.Body.Length:N0} bytes" : null;
        if (answer.Headers.GetValueOrDefault("Content-Type") != "application/problem+json")
            return "the refusal is no problem+json";
        if (answer.Body.Length > MostProblem && !request.Route.EndsWith("bulk", StringComparison.Ordinal))
            return $"the refusal has {answer.Body.Length:N0} bytes";
        var problem = JsonElement.Parse(text);
        if (!problem.TryGetProperty("code", out var code) || problem.GetProperty("status").GetInt32() != answer.Status || problem.GetProperty("title").GetString() is not { Length: > 0 })
            return "the problem lacks its code, status or title";
        return code.GetString() is { Length: > 0 } ? null : "the code is empty";
    }

    private static long ResidentBytes(WeirProcess weir)
    {
        using var process = Process.GetProcessById(weir.ProcessId);
        return process.WorkingSet64;
    }

    /// <summary>Not <see cref="System.HashCode"/>, which is another in each process.</summary>
    private static int HashCode(int seed, int number) => unchecked(seed * 1_000_003 + number * 7_919);

    private static string Tail(string output) => output.Length <= 6_000 ? output : output[^6_000..];

    [GeneratedRegex("\"code\":\"(\\w+)\"")]
    private static partial Regex Code();

    [GeneratedRegex(@"\n?\s+at [A-Z]\w+\.|System\.[A-Z]|Exception\b|\.cs:line|Azure\.[A-Z]|Microsoft\.[A-Z]")]
    private static partial Regex Inside();
}
