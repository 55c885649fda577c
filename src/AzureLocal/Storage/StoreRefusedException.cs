namespace AzureLocal.Storage;

/// <summary>
/// The data directory cannot be used as it is. The message is for whoever starts the app: it names the file, what is wrong with it, and what to
/// do. Nothing in the directory was changed.
/// </summary>
internal sealed class StoreRefusedException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>Where what to do is written at length.</summary>
    public const string Page = "docs/operations/data-directory.md";
}
