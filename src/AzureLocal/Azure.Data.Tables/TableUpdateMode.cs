namespace Azure.Data.Tables;

public enum TableUpdateMode
{
    /// <summary>Properties that the new entity lacks stay as they are.</summary>
    Merge = 0,

    /// <summary>Properties that the new entity lacks are gone.</summary>
    Replace = 1,
}
