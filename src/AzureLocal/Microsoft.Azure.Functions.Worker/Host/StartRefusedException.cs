namespace AzureLocal.Functions;

/// <summary>The app cannot run as it is. The message is for whoever starts it: it names the function or the setting, and what to do.</summary>
internal sealed class StartRefusedException(string message) : Exception(message)
{
    private static int armed;

    /// <summary>Ends the process with that message and exit code 1, where an unhandled exception would print a stack and abort.</summary>
    public static void EndProcessPlainly()
    {
        if (Interlocked.Exchange(ref armed, 1) == 1)
            return;
        AppDomain.CurrentDomain.UnhandledException += (_, failure) =>
        {
            if (failure.ExceptionObject is not StartRefusedException refused)
                return;
            Console.Error.WriteLine(refused.Message);
            Environment.Exit(1);
        };
    }
}
