using Weir.DeadLetters;

namespace Unit.Tests.DeadLetters;

public sealed class FingerprintTests
{
    private const string Stack = """
        Weir.PermanentException: No such user
           at Shop.Orders.PlaceOrder.FindAsync(String id) in /src/Shop/PlaceOrder.cs:line 55
           at System.Threading.Tasks.Task.RunAsync()
           at Shop.Orders.PlaceOrder.RunAsync(Order job, JobContext context, CancellationToken cancellation) in /src/Shop/PlaceOrder.cs:line 43
           at Weir.Catalog.JobType`2.RunAsync(IServiceProvider services)
        """;

    [Theory]
    [InlineData("Order 17 has no user", "Order 123456 has no user")]
    [InlineData("No user 'ada' here", "No user 'o-17' here")]
    [InlineData("Key \"a\" is taken", "Key \"b c\" is taken")]
    [InlineData("Job 01a20078-689b-7464-8c51-74e61cd0b52e is gone", "Job 01A20078-689B-7464-8C51-74E61CD0B530 is gone")]
    [InlineData("Blob 0x1F missing", "Blob 0xabcdef missing")]
    [InlineData("Hash 9f86d081884c7d65 differs", "Hash 2c26b46b68ffc68f differs")]
    [InlineData("Took 1.5 s at 12:30:01", "Took 27,25 s at 08:01:59")]
    [InlineData("First line\n  and user ada", "First line\r\nand user bob")]
    public void What_differs_from_job_to_job_makes_no_difference(string one, string other)
    {
        Assert.Equal(Fingerprint.Normalise(one), Fingerprint.Normalise(other));
        Assert.Equal(Fingerprint.Of("order", "Error", one, Stack), Fingerprint.Of("order", "Error", other, Stack));
    }

    [Theory]
    [InlineData("The user is unknown", "The order is unknown")]
    [InlineData("It can't be read and isn't there", "It can't be sent and isn't there")]
    [InlineData("The defaced facade", "The effaced cascade")]
    public void Words_do_make_a_difference(string one, string other) => Assert.NotEqual(Fingerprint.Normalise(one), Fingerprint.Normalise(other));

    [Fact]
    public void Another_type_of_job_or_error_is_another_cause()
    {
        var prints = new[] { Fingerprint.Of("a", "E", "m", Stack), Fingerprint.Of("b", "E", "m", Stack), Fingerprint.Of("a", "F", "m", Stack), Fingerprint.Of("a", "E", "m", stack: null) };
        Assert.Distinct(prints);
        Assert.All(prints, print => Assert.Matches("^[0-9a-f]{16}$", print));
    }

    [Fact]
    public void Only_the_jobs_own_frames_count_and_not_where_they_lie_in_a_file() =>
        Assert.Equal(["Shop.Orders.PlaceOrder.FindAsync", "Shop.Orders.PlaceOrder.RunAsync"], Fingerprint.FramesOf(Stack));

    [Fact]
    public void A_new_build_moves_lines_and_numbers_of_generated_code_and_changes_nothing() => Assert.Equal(
        Fingerprint.Of("a", "E", "m", "E: m\n   at Shop.Job.<RunAsync>d__3.MoveNext() in /a/Job.cs:line 5"),
        Fingerprint.Of("a", "E", "m", "E: m\n   at Shop.Job.<RunAsync>d__14.MoveNext() in /b/Job.cs:line 6"));

    [Fact]
    public void Without_frames_of_its_own_those_of_the_framework_count() =>
        Assert.Equal(["System.Net.Http.HttpClient.SendAsync"], Fingerprint.FramesOf("X\n   at System.Net.Http.HttpClient.SendAsync(HttpRequestMessage request)"));

    [Fact]
    public void A_message_of_four_thousand_characters_takes_no_time_to_speak_of()
    {
        var nasty = string.Concat(Enumerable.Repeat("'\"`aaaaaaaaaaaaaaa-0x", 200));
        var began = TimeProvider.System.GetTimestamp();
        for (var times = 0; times < 100; times++)
            Fingerprint.Of("a", "E", nasty, nasty);
        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }
}
