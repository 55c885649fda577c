namespace AzureLocal.Storage;

/// <summary>
/// What the operations of one transaction know in common: read by the first that needs it, and written back once, before the commit. No other process can
/// change it meanwhile, since the transaction holds the file's write lock. A transaction that is rolled back forgets it, and so does the next one.
/// </summary>
internal abstract class TransactionState
{
    /// <summary>Writes back what the operations have changed.</summary>
    public abstract void Flush(Database database);
}
