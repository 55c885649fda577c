namespace Architecture.Tests;

internal static class Expect
{
    /// <summary>Fails with a sentence, and below it whatever is wrong, one a line.</summary>
    public static void None(IEnumerable<string> wrong, string sentence)
    {
        var lines = wrong.ToArray();
        Assert.True(lines is [], $"{sentence}\n{string.Join('\n', lines)}");
    }
}
