using System.Collections.Frozen;

namespace Weir.Catalog;

/// <summary>Every job type that this deployment serves, by name.</summary>
public sealed class JobCatalog
{
    private readonly FrozenDictionary<string, JobType> byName;

    /// <exception cref="InvalidOperationException">A handler class is no valid job type, or two share a name.</exception>
    internal JobCatalog(IEnumerable<Type> handlers)
    {
        var types = handlers.Select(JobType.Of).ToArray();
        var twice = types.GroupBy(type => type.Name).FirstOrDefault(group => group.Count() > 1);
        if (twice is not null)
            throw new InvalidOperationException($"The job type '{twice.Key}' is defined {twice.Count()} times; names are unique.");
        byName = types.ToFrozenDictionary(type => type.Name, StringComparer.Ordinal);
    }

    /// <summary>All types, by name.</summary>
    public IEnumerable<JobType> Types => byName.Values.OrderBy(type => type.Name, StringComparer.Ordinal);

    public JobType? Find(string name) => byName.GetValueOrDefault(name);
}
