using System.ComponentModel.DataAnnotations;

namespace Weir.SyntheticCheck;

/// <summary>The settings under <c>Weir:SyntheticCheck:</c>.</summary>
public sealed class SyntheticCheckOptions
{
    public const string Section = "Weir:SyntheticCheck";

    /// <summary>Whether jobs are sent through each queue. Unless set: wherever the type is served, but not in development.</summary>
    public bool? Enabled { get; set; }

    /// <summary>The job type; its payload is empty. Default "probe".</summary>
    [Required, StringLength(64, MinimumLength = 1)]
    public string Type { get; set; } = "probe";

    /// <summary>How often. 5 s to 1 hour, default a minute.</summary>
    [Range(typeof(TimeSpan), "00:00:05", "01:00:00")]
    public TimeSpan Every { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a job may take from its submission to its end. 1 s to 50 s, default 40 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:00:50")]
    public TimeSpan Limit { get; set; } = TimeSpan.FromSeconds(40);
}
