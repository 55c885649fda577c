namespace Microsoft.DurableTask
{
    /// <summary>The version of an orchestration; empty and null both mean that it has none. Compared without regard to case.</summary>
    public readonly struct TaskVersion : IEquatable<TaskVersion>
    {
        public static readonly TaskVersion Unversioned;

        private readonly string? version;

        /// <exception cref="ArgumentException">The version is nothing but white space.</exception>
        public TaskVersion(string? version)
        {
            if (!string.IsNullOrEmpty(version) && string.IsNullOrWhiteSpace(version))
                throw new ArgumentException("A version must not be white space only; null or empty means none.", nameof(version));
            this.version = version;
        }

        public string Version => version ?? string.Empty;

        public static implicit operator string(TaskVersion value) => value.Version;

        public static implicit operator TaskVersion(string? value) => new(value);

        public static bool operator ==(TaskVersion a, TaskVersion b) => a.Equals(b);

        public static bool operator !=(TaskVersion a, TaskVersion b) => !a.Equals(b);

        public bool Equals(TaskVersion other) => string.Equals(Version, other.Version, StringComparison.OrdinalIgnoreCase);

        public override bool Equals(object? obj) => obj is TaskVersion other && Equals(other);

        public override int GetHashCode() => StringComparer.OrdinalIgnoreCase.GetHashCode(Version);
    }
}

namespace Microsoft.DurableTask.Abstractions
{
    public static class TaskOrchestrationVersioningUtils
    {
        /// <summary>
        /// Less than, equal to or more than zero, as the first version is older than, the same as or newer than the second. No
        /// version is older than any; two that <see cref="Version"/> can read are compared as such, others as text without case.
        /// </summary>
        public static int CompareVersions(string sourceVersion, string otherVersion)
        {
            var sourceIsEmpty = string.IsNullOrWhiteSpace(sourceVersion);
            var otherIsEmpty = string.IsNullOrWhiteSpace(otherVersion);
            if (sourceIsEmpty || otherIsEmpty)
                return sourceIsEmpty.CompareTo(otherIsEmpty) * -1;
            if (Version.TryParse(sourceVersion, out var source) && Version.TryParse(otherVersion, out var other))
                return source.CompareTo(other);
            return string.Compare(sourceVersion, otherVersion, StringComparison.OrdinalIgnoreCase);
        }
    }
}
