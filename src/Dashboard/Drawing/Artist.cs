using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.Logging;

namespace Dashboard.Drawing;

/// <summary>Makes HTML of a page and what it shows. A page takes both as cascading values: its data are Weir's own, which a component's public parameters could not name.</summary>
internal sealed class Artist(IServiceProvider services, ILoggerFactory loggers)
{
    public async Task<string> DrawAsync<TPage, TModel>(View view, TModel model) where TPage : IComponent
    {
        await using var renderer = new HtmlRenderer(services, loggers);
        return await renderer.Dispatcher.InvokeAsync(async () =>
        {
            var parameters = ParameterView.FromDictionary(new Dictionary<string, object?> { [nameof(Canvas<,>.View)] = view, [nameof(Canvas<,>.Model)] = model });
            var root = await renderer.RenderComponentAsync<Canvas<TPage, TModel>>(parameters);
            return root.ToHtmlString();
        });
    }

    private sealed class Canvas<TPage, TModel> : ComponentBase where TPage : IComponent
    {
        [Parameter]
        public View View { get; set; } = null!;

        [Parameter]
        public TModel Model { get; set; } = default!;

        protected override void BuildRenderTree(RenderTreeBuilder builder) => Around(builder, View, all => Around(all, Model, page =>
        {
            if (View.IsRenewal || View.Session is null)
            {
                page.OpenComponent<TPage>(0);
                page.CloseComponent();
                return;
            }
            page.OpenComponent<Shell>(0);
            page.AddComponentParameter(1, nameof(Shell.Body), (RenderFragment)(body =>
            {
                body.OpenComponent<TPage>(0);
                body.CloseComponent();
            }));
            page.CloseComponent();
        }));

        private static void Around<T>(RenderTreeBuilder builder, T value, RenderFragment inside)
        {
            builder.OpenComponent<CascadingValue<T>>(0);
            builder.AddComponentParameter(1, nameof(CascadingValue<>.Value), value);
            builder.AddComponentParameter(2, nameof(CascadingValue<>.IsFixed), true);
            builder.AddComponentParameter(3, nameof(CascadingValue<>.ChildContent), inside);
            builder.CloseComponent();
        }
    }
}
